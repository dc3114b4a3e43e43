"""camdigits reads handwritten digits, and the numbers they form, from a camera in real time."""
