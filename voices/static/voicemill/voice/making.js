// Cloning: begun here, followed to its end.
import { call, ENDED, follow, VOICE } from "./api.js";
import { say } from "./elements.js";

export class Making {
  constructor(card, ended) {
    this.card = card;
    this.ended = ended;
    this.note = card.querySelector("[data-note]");
    this.bar = card.querySelector("[data-bar]");
    this.begin = card.querySelector("[data-clone]");
    this.stop = card.querySelector("[data-stop]");
    this.begin?.addEventListener("click", () => this.clone());
    this.stop?.addEventListener("click", () => call("POST", `/api/v1/jobs/${this.job}/cancel`).catch(() => {}));
  }

  async clone() {
    const engine = this.card.querySelector("[name=engine]")?.value;
    try {
      const { told } = await call("POST", "/api/v1/jobs/clone", { body: { voice: VOICE.split("/").pop(), ...(engine && { engine }) } });
      await this.watch(told.id);
    } catch (problem) {
      say(this.note, problem.message, true);
    }
  }

  async watch(job) {
    if (this.job === job) return;
    this.job = job;
    this.show(true);
    const told = await follow(`/api/v1/jobs/${job}`, (one) => ENDED.includes(one.state), (one) => this.progress(one));
    this.job = null;
    this.show(false);
    this.tell(told);
    this.ended();
  }

  show(busy) {
    this.bar.parentElement.hidden = !busy;
    if (this.begin) this.begin.disabled = busy;
    if (this.stop) this.stop.hidden = !busy;
  }

  progress(job) {
    const share = Math.round(100 * (job.progress ?? 0));
    this.bar.style.width = `${share}%`;
    say(this.note, job.state === "running" ? `The voice is being made, ${share} %` : "Waiting for a worker");
  }

  tell(job) {
    if (job.state === "succeeded") say(this.note, "The voice is ready: test it below.");
    else if (job.state === "failed") say(this.note, job.error?.message ?? "It could not be made.", true);
    else say(this.note, "Stopped; nothing was changed.");
  }
}
