// What the server's own camera sees.

import { asText, tell } from "./api.js";
import { answer, byId, drawNumbers } from "./elements.js";

let socket = null;
let said = null;

function connect() {
  const mine = new WebSocket("api/watch");
  socket = mine;
  mine.binaryType = "blob";
  mine.addEventListener("message", ({ data }) => {
    if (mine !== socket) return;
    if (typeof data === "string") said = JSON.parse(data);
    else show(said, data);
  });
  mine.addEventListener("open", () => tell());
  mine.addEventListener("close", ({ reason }) => {
    if (mine !== socket) return;
    tell(reason || "The server does not answer. It is asked again.");
    setTimeout(() => mine === socket && connect(), 1000);
  });
}

async function show({ width, height, numbers, lost }, picture) {
  if (picture.size) {
    const image = await createImageBitmap(picture);
    const canvas = byId("watched");
    Object.assign(canvas, { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    image.close();
    drawNumbers(byId("watch-boxes"), { width, height, numbers }, Boolean(lost));
  }
  answer(byId("watch-seen"), asText(numbers.filter((number) => number.settled)), "No number yet.");
  byId("watch-seen").classList.toggle("stale", Boolean(lost));
  byId("watch-pace").textContent = lost ? `The source gives no pictures: ${lost}.` : "";
}

export function enter() {
  connect();
}

export function leave() {
  const mine = socket;
  socket = null;
  mine?.close();
}
