// Before anything is painted: the theme that was chosen last, if one was; else the system's.
const chosen = localStorage.getItem("theme");
if (chosen) document.documentElement.style.colorScheme = chosen;
