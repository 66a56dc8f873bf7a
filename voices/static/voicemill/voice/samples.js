// Recordings of the voice: dropped, chosen or made here; each with its verdict as it arrives.
import { call, headers, VOICE } from "./api.js";
import { badge, button, make, say, seconds } from "./elements.js";
import { recorder } from "./recorder.js";
import { transcript } from "./transcript.js";
import { waveform } from "./waveform.js";

const STATES = {
  probing: ["being examined", "info"],
  accepted: ["good to use", "good"],
  warned: ["your decision", "warn"],
  rejected: ["cannot be used", "bad"],
};
const ADDRESS = `${VOICE}/samples`;

export class Samples {
  constructor(card, seen) {
    this.card = card;
    this.seen = seen;
    this.list = card.querySelector("[data-list]");
    this.note = card.querySelector("[data-note]");
    this.rows = new Map();
    this.timer = 0;
    this.takeFiles();
  }

  takeFiles() {
    const zone = this.card.querySelector("[data-drop]");
    if (!zone) return;
    const chooser = zone.querySelector("input[type=file]");
    chooser.addEventListener("change", () => {
      this.upload([...chooser.files]);
      chooser.value = "";
    });
    for (const name of ["dragenter", "dragover"]) {
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.add("vm-over");
      });
    }
    for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("vm-over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      this.upload([...event.dataTransfer.files]);
    });
    zone.after(recorder((file) => this.upload([file])));
  }

  upload(files) {
    for (const file of files) this.send(file);
  }

  // XMLHttpRequest, because fetch() does not tell how much has gone.
  send(file) {
    const bar = make("i", { style: "width: 0" });
    const told = make("span", { class: "vm-note", role: "status" }, "Being sent");
    const row = make("li", { class: "vm-sample" }, make("b", {}, file.name), make("div", { class: "vm-bar" }, bar), told);
    this.list.append(row);
    const request = new XMLHttpRequest();
    request.open("POST", ADDRESS);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => { bar.style.width = `${(100 * event.loaded) / event.total}%`; });
    request.addEventListener("load", () => this.received(request, row, told));
    request.addEventListener("error", () => say(told, "The server cannot be reached; nothing was kept.", true));
    const form = new FormData();
    form.append("file", file, file.name);
    request.send(form);
  }

  received(request, row, told) {
    const answer = request.response ?? {};
    const error = request.status >= 400 ? answer : answer.files?.find((one) => one.error)?.error;
    if (error) {
      row.append(button("Dismiss", () => row.remove()));
      say(told, error.detail ?? "The server did not take it.", true);
      return;
    }
    row.remove();
    this.refresh();
  }

  // One look at a time: who asks meanwhile gets another one after it.
  async refresh() {
    this.wanted = true;
    if (this.looking) return;
    this.looking = true;
    while (this.wanted) {
      this.wanted = false;
      await this.look();
    }
    this.looking = false;
  }

  async look() {
    clearTimeout(this.timer);
    try {
      const { told } = await call("GET", ADDRESS);
      await this.show(told.samples);
      this.seen(told);
      say(this.note, "");
      if (told.samples.some((one) => one.state === "probing")) this.again(1000);
    } catch (problem) {
      say(this.note, problem.message, true);
      this.again(5000);
    }
  }

  again(after) {
    this.timer = setTimeout(() => this.refresh(), document.hidden ? 5 * after : after);
  }

  async show(samples) {
    const known = new Set(samples.map((one) => one.id));
    for (const [id, row] of this.rows) {
      if (known.has(id)) continue;
      row.element.remove();
      this.rows.delete(id);
    }
    for (const sample of samples) await this.showOne(sample);
  }

  // A row that says the same as before stays, so that what plays goes on.
  async showOne(sample) {
    const before = this.rows.get(sample.id);
    const says = JSON.stringify(sample);
    if (before?.says === says) return;
    const { told } = await call("GET", `${ADDRESS}/${sample.id}`);
    const element = this.row(told);
    if (before) before.element.replaceWith(element);
    else this.list.append(element);
    this.rows.set(sample.id, { says, element });
  }

  row(sample) {
    const [words, tone] = STATES[sample.state];
    const decided = sample.state === "warned" && sample.approved !== null;
    const mark = decided ? badge(sample.approved ? "used, as you decided" : "left out, as you decided", "plain") : badge(words, tone);
    return make(
      "li",
      { class: "vm-sample", "data-sample": sample.id, "data-state": sample.state },
      make("div", { class: "vm-head" }, make("b", {}, sample.name), mark, make("span", { class: "vm-buttons" }, ...this.buttons(sample))),
      sample.audio_url ? waveform(sample.audio_url, sample.peaks, sample.seconds, sample.name) : null,
      sample.state === "probing" ? make("p", { class: "vm-note" }, "Its length, loudness, noise and speech are measured. You may leave this page.") : null,
      this.reasons(sample),
      this.measures(sample),
      this.card.dataset.may === "edit" && sample.audio_url ? transcript(`${ADDRESS}/${sample.id}`, sample, () => this.refresh()) : null,
    );
  }

  buttons(sample) {
    const editable = this.card.dataset.may === "edit";
    if (!editable) return [];
    const decide = (use) => () => this.change("POST", `${ADDRESS}/${sample.id}/decision`, { use });
    const ask = `Remove “${sample.name}”?`;
    const remove = button("Remove", () => window.confirm(ask) && this.change("DELETE", `${ADDRESS}/${sample.id}`), { class: "vm-button vm-bad" });
    if (sample.state !== "warned") return [remove];
    return [
      sample.approved !== true && button("Use it", decide(true)),
      sample.approved !== false && button("Leave it out", decide(false)),
      remove,
    ];
  }

  async change(method, address, body) {
    try {
      await call(method, address, { body });
      await this.refresh();
    } catch (problem) {
      say(this.note, problem.message, true);
    }
  }

  reasons(sample) {
    const reasons = sample.reasons ?? [];
    if (!reasons.length) return null;
    return make("ul", { class: "vm-reasons" }, ...reasons.map((one) => make("li", {}, one.message, " ", make("span", { class: "vm-note" }, one.tip))));
  }

  measures(sample) {
    const found = sample.measures;
    if (!found) return null;
    const facts = [
      ["Length", seconds(found.seconds)],
      ["Loudness", found.loudness_lufs === null ? "too soft to tell" : `${found.loudness_lufs.toFixed(1)} LUFS`],
      ["Peak", `${found.peak_dbfs.toFixed(1)} dB`],
      ["Speech above noise", `${found.snr_db.toFixed(0)} dB`],
      ["Speech", `${Math.round(100 * found.speech_share)} %`],
      ["Bandwidth", `${(found.bandwidth_hz / 1000).toFixed(1)} kHz`],
    ];
    return make("details", {}, make("summary", { class: "vm-note" }, "What was measured"), make("dl", { class: "vm-facts" }, ...facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value)))));
  }
}
