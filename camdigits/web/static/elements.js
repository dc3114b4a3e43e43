// What several parts of the page are made of.

import { correct, percent, settings } from "./api.js";

export const byId = (id) => document.getElementById(id);

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
  const form = make("form", {}, make("label", {}, "Wrong? It is a ", choice), save, said);
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
  return form;
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
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.textBaseline = "middle";
  for (const { text, box, settled } of numbers) {
    pen.globalAlpha = settled && !isStale ? 1 : 0.45;
    outline(pen, box, size / 8);
    const [x, y, w, h] = box;
    const wide = pen.measureText(text).width + size;
    const left = Math.min(Math.max(x, 0), width - wide);
    const top = y > 1.7 * size ? y - 1.7 * size : Math.min(y + h + 0.3 * size, height - 1.4 * size);
    pen.fillStyle = "#0a7d75";
    pen.beginPath();
    pen.roundRect(left, top, wide, 1.4 * size, size / 4);
    pen.fill();
    pen.fillStyle = "#fff";
    pen.fillText(text, left + size / 2, top + 0.72 * size);
  }
}

function outline(pen, [x, y, w, h], line) {
  for (const [colour, thick] of [["#ffffffcc", 2.2 * line], ["#0a7d75", line]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = thick;
    pen.beginPath();
    pen.roundRect(x - line, y - line, w + 2 * line, h + 2 * line, 2 * line);
    pen.stroke();
  }
}
