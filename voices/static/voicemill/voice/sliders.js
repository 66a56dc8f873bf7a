// The voice's dials: they edit a draft; what jobs get changes when it is published.
import { call, VOICE } from "./api.js";
import { say } from "./elements.js";

const REST = 400; // milliseconds after the last move

export class Sliders {
  constructor(card, changed) {
    this.card = card;
    this.changed = changed;
    this.note = card.querySelector("[data-note]");
    this.inputs = [...card.querySelectorAll("[data-dial]")];
    this.timer = 0;
    for (const input of this.inputs) input.addEventListener("input", () => this.moved(input));
  }

  load(told, version) {
    this.version = version;
    this.advanced = told.advanced;
    for (const input of this.inputs) {
      const value = told.settings[input.dataset.dial];
      if (input.type === "checkbox") input.checked = value;
      else input.value = value;
      this.tell(input);
      this.fit(input, told);
    }
  }

  // A dial that none of the voice's engines has would be refused.
  fit(input, told) {
    const spoken = Object.keys(told.engines).length > 0;
    const missing = spoken && !told.dials[input.dataset.dial].engines.length;
    if (missing) input.disabled = true;
    input.closest(".vm-dial").classList.toggle("vm-missing", missing);
    if (missing) input.closest(".vm-dial").title = "No engine that speaks this voice has it.";
  }

  tell(input) {
    const output = input.parentElement.querySelector("output");
    if (output) output.textContent = Number(input.value).toFixed(Number(input.dataset.digits));
  }

  values() {
    const entries = this.inputs.filter((input) => !input.disabled).map((input) => [input.dataset.dial, input.type === "checkbox" ? input.checked : Number(input.value)]);
    return { ...Object.fromEntries(entries), advanced: this.advanced };
  }

  moved(input) {
    this.tell(input);
    say(this.note, "Not saved yet");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), REST);
  }

  async save() {
    clearTimeout(this.timer);
    try {
      const { told, version } = await call("PUT", `${VOICE}/settings`, { body: this.values(), version: this.version });
      this.version = version;
      say(this.note, "The draft is saved. Jobs go on with what is published.");
      this.changed(told);
    } catch (problem) {
      const text = problem.status === 412 ? "Somebody else has changed this voice. Load the page again to see it." : problem.message;
      say(this.note, text, true);
    }
  }
}
