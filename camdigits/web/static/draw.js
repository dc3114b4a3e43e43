// A sheet to write on. While a stroke is drawn what lies there is read, again as soon as an answer is there.

import { asText, readPicture, settings, tell } from "./api.js";
import { answer, byId, card, DASHES, isUnsure, make } from "./elements.js";

const WIDTH = 800; // pixels of the sheet that is read, however large it is shown
const MARGIN = 60; // around it: what touches the edge of a picture is no whole digit
const PEN = 10;
const INK = "#16181d";

const paper = byId("paper");
const strokes = []; // of points [x, y, thickness], in pixels of the sheet
let current = null;
let read = null;
let marked = -1;
let isReading = false;
let isStale = false;

const height = () => Math.round((WIDTH * paper.clientHeight) / paper.clientWidth) || WIDTH / 2;

function ink(pen) {
  pen.lineCap = pen.lineJoin = "round";
  pen.strokeStyle = pen.fillStyle = INK;
  for (const stroke of strokes) {
    const [first, ...others] = stroke;
    pen.beginPath();
    pen.arc(first[0], first[1], first[2] / 2, 0, 2 * Math.PI);
    pen.fill();
    let [x, y] = first;
    let middle = [x, y];
    for (const [nextX, nextY, thick] of others) {
      const half = [(x + nextX) / 2, (y + nextY) / 2];
      pen.lineWidth = thick;
      pen.beginPath();
      pen.moveTo(...middle);
      pen.quadraticCurveTo(x, y, ...half);
      pen.stroke();
      [x, y, middle] = [nextX, nextY, half];
    }
    pen.beginPath();
    pen.moveTo(...middle);
    pen.lineTo(x, y);
    pen.stroke();
  }
}

function show() {
  const scale = (paper.clientWidth * devicePixelRatio) / WIDTH;
  paper.width = Math.round(WIDTH * scale);
  paper.height = Math.round(height() * scale);
  const pen = paper.getContext("2d");
  pen.scale(scale, scale);
  ink(pen);
  if (read && !current) {
    pen.lineWidth = 2;
    read.numbers.flatMap((number) => number.digits).forEach((digit, at) => {
      const [x, y, w, h] = digit.box;
      pen.setLineDash(isUnsure(digit) ? [9, 9] : []);
      pen.lineCap = "butt";
      pen.strokeStyle = at === marked ? "#0a7d75" : "#0a7d7555";
      pen.beginPath();
      pen.roundRect(x - MARGIN - 8, y - MARGIN - 8, w + 16, h + 16, 8);
      pen.stroke();
    });
  }
  byId("draw-hint").hidden = strokes.length > 0;
  byId("undo").disabled = byId("clear").disabled = !strokes.length;
}

function picture() {
  const sheet = make("canvas", { width: WIDTH + 2 * MARGIN, height: height() + 2 * MARGIN });
  const pen = sheet.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.translate(MARGIN, MARGIN);
  ink(pen);
  // as PNG an answer takes twice as long; and toBlob waits until the browser is idle, at times a second
  const bytes = atob(sheet.toDataURL("image/jpeg", 0.95).split(",")[1]);
  return new Blob([Uint8Array.from(bytes, (byte) => byte.charCodeAt(0))], { type: "image/jpeg" });
}

async function readAgain() {
  isStale = true;
  if (isReading) return;
  isReading = true;
  while (isStale) {
    isStale = false;
    try {
      const sheet = strokes.length ? { blob: picture(), name: "drawing.jpg" } : null;
      const said = sheet && (await readPicture(sheet.blob, sheet.name));
      if (strokes.length || !said) tellRead(said, sheet);
      tell();
    } catch (error) {
      tell(error.message);
      if (isStale) await new Promise((wake) => setTimeout(wake, 500));
    }
  }
  isReading = false;
}

function tellRead(said, sheet) {
  read = said;
  marked = -1;
  const numbers = said?.numbers ?? [];
  const empty = "Whole numbers, one or several, as you would write them on paper.";
  answer(byId("drawn"), asText(numbers), strokes.length ? "Nothing that looks like a digit yet." : empty);
  const digits = numbers.flatMap((number) => number.digits);
  byId("drawn-dashes").textContent = digits.some(isUnsure) ? DASHES : "";
  const cards = digits.map((digit) => card(digit, sheet));
  cards.forEach((element, at) => {
    element.addEventListener("pointerenter", () => mark(at));
    element.addEventListener("pointerleave", () => mark(-1));
  });
  byId("drawn-digits").replaceChildren(...cards);
  show();
}

function mark(at) {
  marked = at;
  show();
}

function point(event) {
  const place = paper.getBoundingClientRect();
  const scale = WIDTH / paper.clientWidth;
  const thick = event.pointerType === "pen" && event.pressure ? PEN * (0.5 + event.pressure) : PEN;
  return [(event.clientX - place.left - 1) * scale, (event.clientY - place.top - 1) * scale, thick];
}

paper.addEventListener("pointerdown", (event) => {
  if (current || event.button > 0) return; // a second finger does not write
  paper.setPointerCapture(event.pointerId);
  current = { id: event.pointerId, points: [point(event)] };
  strokes.push(current.points);
  show();
  readAgain();
});

paper.addEventListener("pointermove", (event) => {
  if (event.pointerId !== current?.id) return;
  const events = event.getCoalescedEvents?.() ?? [];
  current.points.push(...(events.length ? events : [event]).map(point));
  show();
  readAgain();
});

for (const end of ["pointerup", "pointercancel"]) {
  paper.addEventListener(end, (event) => {
    if (event.pointerId !== current?.id) return;
    current = null;
    show(); // all of it has been read or is about to be
  });
}

function undo() {
  if (current) return;
  strokes.pop();
  show();
  readAgain();
}

byId("undo").addEventListener("click", undo);
byId("clear").addEventListener("click", () => {
  strokes.length = 0;
  show();
  readAgain();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !byId("draw").hidden) {
    event.preventDefault();
    undo();
  }
});

new ResizeObserver(show).observe(paper);
settings.addEventListener("change", () => strokes.length && readAgain());

export function enter() {
  show();
  if (!read) tellRead(null);
}
