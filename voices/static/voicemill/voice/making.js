// Cloning: begun here, and followed.
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
    this.stop?.addEventListener("click", () => this.jobs.forEach((job) => call("POST", `/api/v1/jobs/${job}/cancel`).catch(() => {})));
  }

  async clone() {
    const engine = this.card.querySelector("[name=engine]")?.value;
    try {
      await call("POST", "/api/v1/jobs/clone", { body: { voice: VOICE.split("/").pop(), ...(engine && { engine }) } });
      this.ended();
    } catch (problem) {
      say(this.note, problem.message, true);
    }
  }

  // Each engine has a job of its own. Whenever one has ended the page is drawn anew, with those left.
  async watch(jobs) {
    this.jobs = jobs;
    this.show(true);
    await follow(`/api/v1/jobs/${jobs[0]}`, (one) => ENDED.includes(one.state), (one) => this.progress(one));
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
    const by = this.jobs.length > 1 ? ` by ${job.request.engine}, and another engine` : "";
    say(this.note, job.state === "running" ? `The voice is being made${by}, ${share} %` : "Waiting for a worker");
  }
}
