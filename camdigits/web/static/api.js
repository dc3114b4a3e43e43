// What the server says. Every failure becomes an Error with one sentence for a person.

export const settings = new EventTarget();
settings.model = "";
settings.confidence = 0.5;
settings.labels = [];
settings.collects = false;

export function change(values) {
  Object.assign(settings, values);
  settings.dispatchEvent(new Event("change"));
}

export function query() {
  return new URLSearchParams({ model: settings.model, min_confidence: settings.confidence });
}

export async function ask(path, options, tries = 4) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer. Is camdigits serve still running?");
  }
  if (answer.status === 503 && tries > 1) {
    await new Promise((wake) => setTimeout(wake, 1000 * (answer.headers.get("Retry-After") ?? 1)));
    return ask(path, options, tries - 1);
  }
  const said = await answer.json().catch(() => ({ error: `The server answers ${answer.status}.` }));
  if (!answer.ok) throw new Error(said.error || `The server answers ${answer.status}.`);
  return said;
}

export async function readPicture(blob, name, page = 1) {
  const form = new FormData();
  form.append("file", blob, name);
  const asked = query();
  asked.set("details", "true");
  asked.set("page", page);
  return ask(`api/image?${asked}`, { method: "POST", body: form });
}

/** Say what a digit in a picture really is. */
export async function correct({ blob, name, page = 1 }, box, label) {
  const form = new FormData();
  form.append("file", blob, name);
  form.append("box", box.join());
  form.append("label", label);
  const asked = query();
  asked.set("page", page);
  return ask(`api/wrong?${asked}`, { method: "POST", body: form });
}

/** A sentence over the page; none takes it away. */
export function tell(trouble = "") {
  const place = document.getElementById("trouble");
  place.textContent = trouble;
  place.hidden = !trouble;
}

export function percent(chance) {
  return chance >= 0.995 ? "99 %" : `${Math.round(chance * 100)} %`;
}

/** Numbers as a person reads the page: a line of text for each written line. */
export function asText(numbers) {
  const lines = new Map();
  for (const number of numbers) {
    lines.set(number.line, [...(lines.get(number.line) ?? []), number.text]);
  }
  return [...lines.values()].map((words) => words.join(" ")).join("\n");
}
