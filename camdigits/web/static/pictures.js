// Pictures that are dropped, pasted or chosen: what was read in each, over it and beside it.

import { asText, percent, readPicture, settings } from "./api.js";
import { byId, card, DASHES, isUnsure, labelled, LEGIBLE, make } from "./elements.js";

const AT_ONCE = 2;
const MOST_PAGES = 50; // of one document: each is a picture on the page
const LETTERS = 13.5; // pixels of the screen: of a number over a picture, where there is room

const entries = []; // {file, name, page, said, place, isRead}
const waiting = [];
let working = 0;
let given = () => {};

/** Call this when there are new pictures, wherever on the page they were dropped or pasted. */
export function whenGiven(callback) {
  given = callback;
}

export function add(files) {
  for (const file of files) {
    const entry = { file, name: file.name, page: 1, said: null, place: make("article", { className: "picture" }) };
    entries.push(entry);
    byId("read").append(entry.place);
    readLater(entry);
  }
  if (files.length) given();
}

/** A document's other pages, after its first. */
function addPages({ file, page, place, said }, at) {
  if (page > 1 || !(said.pages > 1)) return;
  const last = Math.min(said.pages, MOST_PAGES);
  const others = [];
  for (let next = 2; next <= last; next += 1) {
    others.push({ file, name: `${file.name}, page ${next}`, page: next, said: null, place: make("article", { className: "picture" }) });
  }
  const rest = `${last} of ${said.pages} pages are read: split the file for the others.`;
  const note = said.pages > last ? [make("p", { className: "quiet picture", textContent: rest })] : [];
  place.after(...others.map((entry) => entry.place), ...note);
  entries.splice(at + 1, 0, ...others);
  others.forEach(readLater);
}

function readLater(entry) {
  entry.place.replaceChildren(make("h2", { textContent: entry.name }), make("p", { className: "quiet", textContent: "Reading …" }));
  entry.isRead = false;
  waiting.push(entry);
  byId("copy").hidden = false;
  work();
}

async function work() {
  while (working < AT_ONCE && waiting.length) {
    working += 1;
    const entry = waiting.shift();
    readEntry(entry).finally(() => {
      entry.isRead = true;
      working -= 1;
      work();
    });
  }
  const read = entries.filter(({ isRead }) => isRead).length;
  byId("progress").textContent = read < entries.length && entries.length > 1 ? `${read} of ${entries.length} read` : "";
}

async function readEntry(entry) {
  try {
    const isFirst = !entry.said;
    entry.said = await readPicture(entry.file, entry.file.name, entry.page);
    showEntry(entry);
    const at = entries.indexOf(entry); // -1 where all were removed meanwhile
    if (isFirst && at >= 0) addPages(entry, at);
  } catch (error) {
    entry.said = { source: entry.name, error: error.message };
    entry.place.replaceChildren(make("h2", { textContent: entry.name }), make("p", { textContent: error.message }));
  }
}

function showEntry(entry) {
  const { said, place } = entry;
  const image = make("img", { src: said.picture ?? URL.createObjectURL(entry.file), alt: `${entry.name}, with what was read in it` });
  image.addEventListener("load", () => URL.revokeObjectURL(image.src), { once: true });
  const boxed = make("div", { className: "boxed whole" }, image);
  const detail = make("div", { ariaLive: "polite" });
  const pairs = []; // of a digit's box in the picture and its button beside it

  function choose(at, digit) {
    pairs.forEach(([box, button], other) => {
      box.classList.toggle("on", other === at);
      button.setAttribute("aria-pressed", other === at);
    });
    detail.replaceChildren(card(digit, { blob: entry.file, name: entry.file.name, page: entry.page }));
  }

  const chips = new Map();
  const lines = new Map();
  for (const number of said.numbers) {
    const chip = make("span", { className: "chip", textContent: number.text });
    chips.set(number, chip);
    boxed.append(chip);
    const shown = make("span", { className: "number" });
    for (const piece of pieces(number)) {
      if (typeof piece === "string") {
        shown.append(make("i", { textContent: piece }));
        continue;
      }
      const at = pairs.length;
      const label = `${piece.label}, ${percent(piece.confidence)} sure`;
      const box = make("button", { className: "box", type: "button", tabIndex: -1, title: label, ariaHidden: "true" });
      box.classList.toggle("unsure", isUnsure(piece));
      put(box, said, piece.box);
      const button = make("button", { type: "button", textContent: piece.label, ariaLabel: label });
      button.setAttribute("aria-pressed", "false");
      for (const one of [box, button]) one.addEventListener("click", () => choose(at, piece));
      pairs.push([box, button]);
      boxed.append(box);
      shown.append(button);
    }
    shown.append(make("small", { textContent: percent(number.confidence), title: "The chance that it is right and whole" }));
    const line = lines.get(number.line) ?? make("li");
    lines.set(number.line, line);
    line.append(shown);
  }
  new ResizeObserver(() => label(chips, said, boxed)).observe(boxed);
  const facts = `${said.width} × ${said.height} pixels, read in ${Math.round(said.elapsed_ms)} ms`;
  const side = make("div", { className: "side" }, make("h2", { textContent: entry.name }));
  if (said.numbers.length) {
    const isAnyUnsure = said.numbers.some(({ digits }) => digits.some(isUnsure));
    const hint = `Choose a digit to see what the model saw of it.${isAnyUnsure ? ` ${DASHES}` : ""}`;
    side.append(make("ol", { className: "lines" }, ...lines.values()), make("p", { className: "quiet", textContent: hint }), detail);
  } else {
    side.append(make("p", { textContent: `No number was read: ${said.why}.` }));
  }
  side.append(make("p", { className: "quiet", textContent: facts }));
  place.replaceChildren(make("div", { className: "split" }, boxed, side));
}

/** Write the numbers over a picture, as large as it is shown now. */
function label(chips, said, boxed) {
  const scale = boxed.clientWidth / said.width;
  for (const chip of chips.values()) chip.hidden = true;
  for (const { number, box, size } of labelled(said.numbers, said, LETTERS / scale, LEGIBLE / scale)) {
    const chip = chips.get(number);
    chip.hidden = false;
    chip.style.fontSize = `${size * scale}px`;
    put(chip, said, box);
  }
}

/** A number's text as its digits and the signs between them. */
function pieces({ text, digits }) {
  const found = [];
  let at = 0;
  for (const digit of digits) {
    const next = text.indexOf(digit.label, at);
    if (next > at) found.push(text.slice(at, next));
    found.push(digit);
    at = next + digit.label.length;
  }
  return found;
}

function put(element, { width, height }, [x, y, w, h]) {
  element.style.left = `${(100 * x) / width}%`;
  element.style.top = `${(100 * y) / height}%`;
  element.style.width = `${(100 * w) / width}%`;
  element.style.height = `${(100 * h) / height}%`;
}

const COLUMNS = ["source", "line", "text", "confidence", "angle", "x", "y", "w", "h"];

const formats = {
  text: (read) => read.map(({ said }) => (read.length > 1 ? `${said.source}:\n` : "") + asText(said.numbers)).join("\n"),
  csv: (read) =>
    [COLUMNS, ...read.flatMap(({ said }) => said.numbers.map((n) => [said.source, n.line, n.text, n.confidence.toFixed(4), n.angle.toFixed(1), ...n.box]))]
      .map((row) => row.map(quoted).join(","))
      .join("\n"),
  json: (read) => read.map(({ said }) => JSON.stringify(said, (key, value) => (["patch", "top", "picture", "pages"].includes(key) ? undefined : value))).join("\n"),
};

function quoted(value) {
  return /[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value;
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // pages that are not encrypted have no clipboard
    const area = make("textarea", { value: text });
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

byId("copy").addEventListener("click", async ({ target }) => {
  if (target.id === "forget") {
    entries.length = waiting.length = 0;
    byId("read").replaceChildren();
    byId("copy").hidden = true;
    byId("copied").textContent = byId("progress").textContent = "";
  } else if (target.dataset.as) {
    await copy(formats[target.dataset.as](entries.filter(({ said }) => said?.numbers)));
    byId("copied").textContent = "Copied.";
    setTimeout(() => (byId("copied").textContent = ""), 2000);
  }
});

byId("files").addEventListener("change", ({ target }) => {
  add([...target.files]);
  target.value = "";
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over");
});
document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) byId("drop").classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  add([...event.dataTransfer.files]);
});
document.addEventListener("paste", ({ clipboardData }) => add([...clipboardData.files]));

settings.addEventListener("change", () => {
  for (const entry of entries) if (!waiting.includes(entry)) readLater(entry);
});
