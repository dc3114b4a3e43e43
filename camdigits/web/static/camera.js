// The browser's camera: its pictures go to the server, the newest first; numbers come back and are drawn over the view.

import { asText, query, settings, tell } from "./api.js";
import { answer, byId, drawNumbers, make } from "./elements.js";

const ON_THE_WAY = 2; // pictures sent and not answered; more would only wait for one another
const QUALITY = 0.8;

const video = byId("video");
const sheet = document.createElement("canvas");
let media = null;
let turn = 0; // counts starts and stops: what a start waited for may come after it was given up
let socket = null;
let sent = -1;
let answered = -1;
let isEncoding = false;
let times = [];
let sentAt = [];

const REASONS = {
  NotAllowedError: "The camera was refused. Allow it for this page: by the sign beside the address, or in the browser's settings.",
  NotFoundError: "No camera was found. Plug one in, then start again.",
  NotReadableError: "The camera is in use by another program. Close that, then start again.",
  OverconstrainedError: "That camera is gone. Choose another.",
};
const INSECURE =
  "Browsers give their camera to encrypted pages only, and to this machine's own. Start camdigits serve with --tls, or open this page as http://localhost.";

async function start() {
  tell();
  const mine = ++turn;
  if (!navigator.mediaDevices) return tell(INSECURE);
  const device = byId("which").value;
  const wanted = { width: { ideal: 1280 }, height: { ideal: 720 }, ...(device ? { deviceId: { exact: device } } : { facingMode: "environment" }) };
  let given;
  try {
    given = await navigator.mediaDevices.getUserMedia({ video: wanted });
  } catch (error) {
    return mine === turn && tell(REASONS[error.name] ?? `The camera cannot be opened: ${error.message}.`);
  }
  if (mine !== turn) return given.getTracks().forEach((track) => track.stop());
  media = given;
  media.getVideoTracks()[0].addEventListener("ended", () => {
    if (mine !== turn) return;
    stop();
    tell("The camera is gone. Was it unplugged?");
  });
  video.srcObject = media;
  try {
    await video.play();
  } catch (error) {
    if (mine !== turn) return;
    stop();
    return tell(`The camera cannot be opened: ${error.message}.`);
  }
  if (mine !== turn) return;
  byId("camera-hint").hidden = true;
  byId("start").textContent = "Stop the camera";
  answer(byId("seen"), "", "Hold numbers before the camera.");
  connect();
  next(mine);
  await list();
}

async function list() {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const used = media?.getVideoTracks()[0].getSettings().deviceId;
  byId("which").replaceChildren(
    ...cameras.map(({ deviceId, label }, at) => make("option", { value: deviceId, textContent: label || `Camera ${at + 1}`, selected: deviceId === used })),
  );
  byId("which-label").hidden = cameras.length < 2;
}

function connect() {
  socket?.close();
  const mine = new WebSocket(`api/stream?${query()}`);
  socket = mine;
  sent = answered = -1;
  sentAt = [];
  mine.addEventListener("message", ({ data }) => mine === socket && show(JSON.parse(data)));
  mine.addEventListener("close", ({ reason }) => {
    if (mine !== socket || !media) return;
    tell(reason || "The server does not answer. It is asked again.");
    setTimeout(() => mine === socket && media && connect(), 1000);
  });
  mine.addEventListener("open", () => tell());
}

/** Send the picture that the camera shows now, if the server keeps up. */
function next(mine) {
  if (mine !== turn) return;
  const again = () => next(mine);
  (video.requestVideoFrameCallback ?? requestAnimationFrame).call(video.requestVideoFrameCallback ? video : window, again);
  if (socket?.readyState !== WebSocket.OPEN || sent - answered >= ON_THE_WAY || isEncoding || !video.videoWidth) return;
  isEncoding = true;
  Object.assign(sheet, { width: video.videoWidth, height: video.videoHeight });
  sheet.getContext("2d").drawImage(video, 0, 0);
  const to = socket;
  sheet.toBlob(
    (picture) => {
      isEncoding = false;
      if (!picture || to !== socket || to.readyState !== WebSocket.OPEN) return;
      to.send(picture);
      sent += 1;
      sentAt[sent] = performance.now();
    },
    "image/jpeg",
    QUALITY,
  );
}

function show(said) {
  answered = said.frame;
  if (said.error) return tell(said.error);
  drawNumbers(byId("camera-boxes"), said);
  const settled = said.numbers.filter((number) => number.settled);
  answer(byId("seen"), asText(settled), "Hold numbers before the camera.");
  const now = performance.now();
  times = [...times, now].slice(-30);
  const rate = times.length > 1 ? (1000 * (times.length - 1)) / (now - times[0]) : 0;
  byId("pace").textContent = `${rate.toFixed(0)} pictures a second, ${Math.round(now - sentAt[said.frame])} ms behind`;
}

function stop() {
  turn += 1;
  for (const track of media?.getTracks() ?? []) track.stop();
  media = null;
  socket?.close();
  socket = null;
  video.srcObject = null;
  times = [];
  drawNumbers(byId("camera-boxes"), { width: 16, height: 9, numbers: [] });
  answer(byId("seen"), "", "");
  byId("pace").textContent = "";
  byId("camera-hint").hidden = false;
  byId("start").textContent = "Start the camera";
}

byId("start").addEventListener("click", () => (media ? stop() : start()));
byId("which").addEventListener("change", () => {
  stop();
  start();
});
settings.addEventListener("change", () => media && connect());

export function leave() {
  stop();
}
