// What several parts of the page are made of.

import { correct, percent, settings } from "./api.js";

export const byId = (id) => document.getElementById(id);

const UNSURE = 0.9;

/** Whether a digit's outline is dashed. */
export const isUnsure = ({ confidence }) => confidence < UNSURE;

/** What dashes mean, for a place where there are any. */
export const DASHES = `Dashed: less than ${percent(UNSURE)} sure.`;

/** An element with properties and children; children that are text become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A digit's patch and what else it may be. picture: what it was read in, for corrections, where they are collected. */
export function card(digit, picture) {
  const bars = digit.top.map(([label, chance]) =>
    make(
      "li",
      {},
      make("b", { textContent: label || "–", title: label ? "" : "not a digit" }),
      make("progress", { max: 1, value: chance, ariaLabel: label || "not a digit" }),
      make("span", { textContent: percent(chance) }),
    ),
  );
  const patch = make("img", { src: digit.patch, alt: `What the model saw of the ${digit.label}`, width: 70, height: 70 });
  const whole = make("figure", { className: "card" }, patch, make("ol", { className: "bars" }, ...bars));
  if (settings.collects && picture) whole.append(correction(digit, picture));
  return whole;
}

function correction(digit, picture) {
  const labels = settings.labels.map((label) => make("option", { textContent: label, selected: label === digit.label }));
  const choice = make("select", {}, ...labels);
  const save = make("button", { textContent: "Save" });
  const said = make("span", { className: "quiet", role: "status" });
  const form = make("form", {}, make("label", {}, "It is a ", choice), save, said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    save.disabled = true;
    try {
      await correct(picture, digit.box, choice.value);
      said.textContent = "Saved, thank you.";
    } catch (error) {
      said.textContent = error.message;
      save.disabled = false;
    }
  });
  choice.addEventListener("change", () => (save.disabled = false));
  return make("details", {}, make("summary", { textContent: "Wrong?" }), form);
}

/** Show an answer, or the sentence that stands in its place. */
export function answer(place, text, otherwise) {
  const shown = text || otherwise;
  if (place.textContent !== shown) place.textContent = shown;
  place.classList.toggle("none", !text);
}

/** Draw numbers over a picture of that width and height, onto a canvas that lies on it, and give the view its shape. */
export function drawNumbers(canvas, { width, height, numbers }, isStale = false) {
  if (canvas.width !== width || canvas.height !== height) {
    Object.assign(canvas, { width, height });
    canvas.parentElement.style.aspectRatio = `${width} / ${height}`;
  }
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  const size = Math.max(12, Math.round(height / 22));
  const isDim = ({ settled }) => !settled || isStale;
  for (const number of numbers) {
    pen.globalAlpha = isDim(number) ? 0.45 : 1;
    outline(pen, number.box, size / 8);
  }
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  for (const { number, box, size: own } of labelled(numbers, { width, height }, size, (LEGIBLE * width) / canvas.clientWidth)) {
    const [x, y, w, h] = box;
    pen.globalAlpha = isDim(number) ? 0.45 : 1;
    pen.fillStyle = "#0a7d75";
    pen.beginPath();
    pen.roundRect(x, y, w, h, own / 4);
    pen.fill();
    pen.fillStyle = "#fff";
    pen.font = `600 ${own}px system-ui, sans-serif`;
    pen.fillText(number.text, x + w / 2, y + h / 2);
  }
}

export const LEGIBLE = 9; // pixels of the screen: what would have to be written smaller is left out

const ruler = document.createElement("canvas").getContext("2d");
ruler.font = "600 100px system-ui, sans-serif";

/**
 * The numbers for whose text there is room, in letters of that size or smaller, with the box of each text and its size:
 * above the number, else beside or below it, where it covers no digit and no other text. Settled ones choose first.
 * All lengths are pixels of the picture.
 */
export function labelled(numbers, { width, height }, size, least) {
  const gap = 0.35 * size;
  const taken = numbers.flatMap(({ digits }) => digits.map(({ box: [x, y, w, h] }) => [x - gap / 2, y - gap / 2, w + gap, h + gap]));
  const sizes = [size, 0.8 * size, 0.65 * size].filter((own) => own >= Math.min(size, least));
  const found = [];
  for (const number of numbers.toSorted((one, other) => (other.settled ?? 0) - (one.settled ?? 0))) {
    const [x, y, w, h] = number.box;
    const fitting = sizes.map((own) => [own, own * (ruler.measureText(number.text).width / 100 + 0.8), 1.35 * own]);
    const inside = (wide) => Math.max(0, Math.min(x, width - wide));
    const middle = (high) => Math.max(0, Math.min(y + (h - high) / 2, height - high));
    // rather small above the number than large elsewhere: there it is plain whose text it is
    const places = [
      (wide, high) => [inside(wide), y - gap - high],
      (wide, high) => [x + w + gap, middle(high)],
      (wide, high) => [x - gap - wide, middle(high)],
      (wide) => [inside(wide), y + h + gap],
    ].flatMap((place) => fitting.map(([own, wide, high]) => ({ number, size: own, box: [...place(wide, high), wide, high] })));
    const free = places.find(({ box }) => isWithin(box, width, height) && !taken.some((other) => isShared(box, other)));
    if (!free) continue;
    taken.push(free.box);
    found.push(free);
  }
  return found;
}

const isWithin = ([x, y, w, h], width, height) => x >= 0 && y >= 0 && x + w <= width && y + h <= height;
const isShared = ([x, y, w, h], [left, top, wide, high]) => x < left + wide && left < x + w && y < top + high && top < y + h;

function outline(pen, [x, y, w, h], line) {
  for (const [colour, thick] of [["#ffffffcc", 2.2 * line], ["#0a7d75", line]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.beginPath();
    pen.roundRect(x - line, y - line, w + 2 * line, h + 2 * line, 2 * line);
    pen.stroke();
  }
}
