// The voice's dials: they edit a draft; what jobs get changes when it is published.
import { call, VOICE } from "./api.js";
import { make, say } from "./elements.js";

const REST = 400; // milliseconds after the last move

export class Sliders {
  constructor(card, changed) {
    this.card = card;
    this.changed = changed;
    this.note = card.querySelector("[data-note]");
    this.inputs = [...card.querySelectorAll("[data-dial]")];
    this.own = [];
    this.timer = 0;
    this.saved = Promise.resolve();
    this.refused = null;
    for (const input of this.inputs) input.addEventListener("input", () => this.moved(input));
  }

  load(told, version) {
    this.version = version;
    for (const input of this.inputs) {
      const value = told.settings[input.dataset.dial];
      if (input.type === "checkbox") input.checked = value;
      else input.value = value;
      this.tell(input);
      this.fit(input, told);
    }
    this.loadOwn(told);
  }

  // None can be moved before its value is known; one that no engine of the voice has would be refused.
  fit(input, told) {
    const spoken = Object.keys(told.engines).length > 0;
    const missing = spoken && !told.dials[input.dataset.dial].engines.length;
    input.disabled = missing || this.card.dataset.may !== "edit";
    input.closest(".vm-dial").classList.toggle("vm-missing", missing);
    if (missing) input.closest(".vm-dial").querySelector("small").textContent = "no engine of this voice has it";
  }

  // What only one engine has goes to that engine alone.
  loadOwn(told) {
    const place = this.card.querySelector("[data-own]");
    this.own = [];
    place.replaceChildren();
    for (const [engine, dials] of Object.entries(told.engines)) {
      for (const [name, span] of Object.entries(dials)) {
        place.append(this.ownDial(engine, name, span, told.advanced[engine]?.[name] ?? span.default));
      }
    }
  }

  ownDial(engine, name, span, value) {
    const input = make("input", { type: "range", min: span.low, max: span.high, step: (span.high - span.low) / 100, "data-engine": engine, "data-name": name, "data-digits": 2, disabled: this.card.dataset.may !== "edit" });
    input.dataset.default = span.default;
    input.value = value;
    input.addEventListener("input", () => this.moved(input));
    this.own.push(input);
    const dial = make("label", { class: "vm-dial" }, make("span", {}, name.replaceAll("_", " "), make("output")), input, make("small", {}, `${engine} alone`));
    this.tell(input);
    return dial;
  }

  tell(input) {
    const output = input.parentElement?.querySelector("output");
    if (output) output.textContent = Number(input.value).toFixed(Number(input.dataset.digits));
  }

  values() {
    const entries = this.inputs.filter((input) => !input.disabled).map((input) => [input.dataset.dial, input.type === "checkbox" ? input.checked : Number(input.value)]);
    const advanced = {};
    for (const { value, dataset } of this.own) {
      if (Number(value) !== Number(dataset.default)) (advanced[dataset.engine] ??= {})[dataset.name] = Number(value);
    }
    return { ...Object.fromEntries(entries), advanced };
  }

  moved(input) {
    this.tell(input);
    say(this.note, "Not saved yet");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), REST);
  }

  // One after the other: each carries the version that the one before it made.
  save() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.saved = this.saved.then(() => this.put());
    return this.saved;
  }

  // What was moved and is not saved yet goes first; where that cannot be, nothing follows it.
  async settled() {
    await (this.timer ? this.save() : this.saved);
    if (this.refused) throw this.refused;
  }

  async put() {
    try {
      const { told, version } = await call("PUT", `${VOICE}/settings`, { body: this.values(), version: this.version });
      this.version = version;
      this.refused = null;
      say(this.note, "The draft is saved. Jobs go on with what is published.");
      this.changed(told);
    } catch (problem) {
      const text = problem.status === 412 ? "Somebody else has changed this voice. Load the page again to see it." : problem.message;
      this.refused = new Error(text);
      say(this.note, text, true);
    }
  }
}
