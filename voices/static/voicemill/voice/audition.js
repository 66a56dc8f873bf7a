// "Test voice": type, play, stop, download; and two ways side by side.
import { call, ENDED, follow, sound, VOICE } from "./api.js";
import { button, make, say } from "./elements.js";

export class Audition {
  constructor(card) {
    this.card = card;
    this.text = card.querySelector("textarea");
    this.sides = [...card.querySelectorAll("[data-side]")].map((place) => new Side(place, () => this.text.value.trim()));
    this.sample = card.querySelector("[data-sample]");
    this.sample.addEventListener("click", () => this.hear());
    card.querySelector("[data-compare]").addEventListener("change", (event) => {
      this.sides[1].place.hidden = !event.target.checked;
    });
  }

  // The sentence that is always there: made at the first time, kept after it.
  async hear() {
    const note = this.sample.nextElementSibling;
    const address = `${VOICE}/sample`;
    try {
      let made = await sound(address);
      while (!made) {
        say(note, "Being made");
        await new Promise((resolve) => setTimeout(resolve, 500));
        made = await sound(address);
      }
      say(note, "");
      await new Audio(made).play();
    } catch (problem) {
      say(note, problem.message, true);
    }
  }
}

class Side {
  constructor(place, text) {
    this.place = place;
    this.text = text;
    this.audio = new Audio();
    this.note = make("span", { class: "vm-note", role: "status" });
    this.speak = button("Speak", () => this.begin(), { class: "vm-button vm-main" });
    this.stop = button("Stop", () => this.end(), { disabled: true });
    this.download = make("a", { class: "vm-button", hidden: true, download: "" }, "Download");
    this.audio.addEventListener("ended", () => { this.stop.disabled = true; });
    this.audio.addEventListener("play", () => { this.stop.disabled = false; });
    place.append(make("div", { class: "vm-player" }, this.speak, this.stop, this.download, this.note));
  }

  wish() {
    const chosen = Object.fromEntries(new FormData(this.place.querySelector("form")).entries());
    return Object.fromEntries(Object.entries(chosen).filter(([, value]) => value));
  }

  async begin() {
    const text = this.text();
    if (!text) return say(this.note, "Type something to be said.", true);
    this.end();
    this.speak.disabled = true;
    this.stop.disabled = false;
    try {
      await this.run(text);
    } catch (problem) {
      say(this.note, problem.message, true);
    }
    this.speak.disabled = false;
    return undefined;
  }

  async run(text) {
    const { told } = await call("POST", `${VOICE}/audition`, { body: { text, ...this.wish() } });
    this.job = told.id;
    const address = `/api/v1/jobs/${told.id}`;
    const job = await follow(address, (one) => ENDED.includes(one.state), (one) => this.progress(one), { every: 300 });
    this.job = null;
    if (job.state === "succeeded") await this.play(address, job);
    else if (job.state === "failed") say(this.note, job.error?.message ?? "It could not be spoken.", true);
    else say(this.note, "Stopped.");
  }

  progress(job) {
    if (job.state === "running") say(this.note, `Being spoken, ${Math.round(100 * (job.progress ?? 0))} %`);
    else if (job.state !== "succeeded") say(this.note, "Waiting for a worker");
  }

  async play(address, job) {
    const made = await sound(`${address}/audio`);
    this.audio.src = this.download.href = made;
    this.download.download = `voice-${job.id.slice(0, 8)}.${job.result.format}`;
    this.download.hidden = false;
    const how = [job.result?.engine, job.result?.cached && "said before", job.result?.substituted && "by a stand-in"];
    say(this.note, how.filter(Boolean).join(", "));
    this.audio.play().catch(() => say(this.note, "Press Speak again to hear it."));
  }

  end() {
    this.audio.pause();
    this.stop.disabled = true;
    if (this.job) call("POST", `/api/v1/jobs/${this.job}/cancel`).catch(() => {});
  }
}
