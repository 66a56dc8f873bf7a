// What is said in a recording: written here, or taken from a file.
import { call } from "./api.js";
import { button, make, say } from "./elements.js";

const FORMATS = { txt: "plain text", srt: "SRT", vtt: "VTT", csv: "CSV: file|start|end|text" };

export function transcript(address, sample, changed) {
  const text = make("textarea", { class: "vm-field", rows: 4, "aria-label": `What is said in ${sample.name}` });
  const form = make("select", { class: "vm-field", "aria-label": "Format" }, ...Object.entries(FORMATS).map(([value, words]) => make("option", { value, selected: value === sample.transcript }, words)));
  const file = make("input", { type: "file", accept: ".txt,.srt,.vtt,.csv", "aria-label": "From a file" });
  const note = make("p", { class: "vm-note", role: "status" });

  file.addEventListener("change", async () => {
    const kind = file.files[0]?.name.split(".").pop().toLowerCase();
    if (!(kind in FORMATS)) return say(note, "The file's name must end in .txt, .srt, .vtt or .csv.", true);
    text.value = await file.files[0].text();
    form.value = kind;
    return say(note, "Look at it, then keep it.");
  });

  async function send(method, body) {
    try {
      await call(method, `${address}/transcript`, { body });
      say(note, "Kept.");
      await changed();
    } catch (problem) {
      say(note, problem.message, true);
    }
  }

  const known = sample.transcript ? `What is said: given as ${FORMATS[sample.transcript]}` : "What is said: a training needs to know";
  return make(
    "details",
    { "data-transcript": sample.transcript ?? "" },
    make("summary", { class: "vm-note" }, known),
    make(
      "div",
      { class: "vm-stack" },
      text,
      make("div", { class: "vm-buttons" }, form, file, button("Keep", () => send("PUT", { format: form.value, text: text.value })), sample.transcript && button("Take it back", () => send("DELETE"), { class: "vm-button vm-bad" })),
      note,
    ),
  );
}
