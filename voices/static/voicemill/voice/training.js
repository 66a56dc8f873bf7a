// Training: what it still needs, begun here, and how it goes: steps, time, and a curve of each loss.
import { call, ENDED, sound, VOICE } from "./api.js";
import { curves } from "./curves.js";
import { button, make, say, seconds } from "./elements.js";

const EVERY = 5000; // a worker tells of it each ten seconds

export class Training {
  constructor(card, changed) {
    this.card = card;
    this.changed = changed;
    this.note = card.querySelector("[data-note]");
    this.bar = card.querySelector("[data-bar]");
    this.chosen = card.querySelector("[name=trainer]");
    this.stop = card.querySelector("[data-stop]");
    this.chosen?.addEventListener("change", () => this.choose());
    card.querySelector("[data-train]")?.addEventListener("click", () => this.train());
    this.stop?.addEventListener("click", () => call("POST", `/api/v1/jobs/${this.job}/cancel`).catch((problem) => say(this.note, problem.message, true)));
  }

  choose() {
    this.card.querySelector("[name=steps]").value = this.chosen.selectedOptions[0].dataset.steps;
    if (this.samples) this.need(this.samples);
  }

  async train() {
    const steps = this.card.querySelector("[name=steps]").valueAsNumber;
    const body = { voice: VOICE.split("/").pop(), engine: this.chosen.value, ...(steps && { steps }) };
    try {
      await call("POST", "/api/v1/jobs/train", { body });
      this.changed();
    } catch (problem) {
      say(this.note, problem.message, true);
    }
  }

  // What is missing, as far as it can be seen from the recordings.
  need(told) {
    this.samples = told;
    const place = this.card.querySelector("[data-missing]");
    if (!place) return;
    const { value, selectedOptions } = this.chosen;
    const suit = told.suits.find((one) => one.purpose === "train" && one.engine === value);
    const missing = suit && !suit.ok ? [suit.why] : [];
    const bare = selectedOptions[0].dataset.transcribes ? [] : told.samples.filter((one) => one.usable && this.wordless(one));
    if (bare.length) missing.push(`Say what is said in: ${bare.map((one) => one.name).join(", ")}.`);
    place.replaceChildren(...missing.map((words) => make("li", {}, words)));
  }

  // A plain text says of a longer recording not where its words are.
  wordless(sample) {
    return !sample.transcript || (sample.transcript === "txt" && sample.seconds > Number(this.card.dataset.oneClip));
  }

  // The latest one, to its end; nothing where there never was one.
  async watch() {
    for (;;) {
      let told;
      try {
        ({ told } = await call("GET", `${VOICE}/training`));
      } catch (problem) {
        if (problem.status === 404) return;
        say(this.note, problem.message, true);
      }
      if (told) this.show(told);
      if (told && ENDED.includes(told.state)) {
        if (this.card.dataset.live) this.changed();
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, document.hidden ? 5 * EVERY : EVERY));
    }
  }

  show(training) {
    const over = ENDED.includes(training.state);
    this.job = training.job_id;
    if (this.stop) this.stop.hidden = over;
    this.bar.parentElement.hidden = over;
    this.bar.style.width = `${Math.round(100 * training.progress)}%`;
    say(this.note, words(training), training.state === "failed");
    this.card.querySelector("[data-curves]").replaceChildren(...curves(training.losses));
    this.report(training.dataset);
    this.offer(training.previews);
  }

  // What it can say: sentences that it spoke by itself when it was done.
  offer(previews) {
    const place = this.card.querySelector("[data-previews]");
    place.replaceChildren(...previews.map((one) => make("li", {}, button("Hear it", () => this.hear(one.audio_url)), ` ${one.text}`)));
  }

  async hear(address) {
    try {
      await new Audio(await sound(address)).play();
    } catch (problem) {
      say(this.note, problem.message, true);
    }
  }

  report(dataset) {
    const place = this.card.querySelector("[data-dataset]");
    place.hidden = !dataset;
    if (!dataset) return;
    const left = dataset.rejected ?? [];
    const shown = `${dataset.digest} ${left.length}`;
    if (place.dataset.shown === shown) return;
    place.dataset.shown = shown;
    const rows = left.map((one) => make("li", {}, `${one.source}, ${seconds(one.start)} to ${seconds(one.end)}: ${one.message}`));
    const learnt = dataset.clips === undefined ? [] : [`${dataset.clips} clips, ${seconds(dataset.seconds)}`];
    place.replaceChildren(make("summary", { class: "vm-note" }, [...learnt, `${dataset.left_out ?? left.length} left out`].join("; ")), make("ul", { class: "vm-reasons" }, ...rows));
  }
}

function words(training) {
  const where = `${training.engine}: step ${training.step} of ${training.steps}`;
  if (training.state === "succeeded") return `${where}. It has been trained.`;
  if (training.state === "failed") return training.error?.message || "The training failed.";
  if (ENDED.includes(training.state)) return `${where}. It was stopped; asked for again with the same recordings and steps, it goes on from its last checkpoint.`;
  if (training.state !== "running") return `${training.engine}: waiting for a worker.`;
  const left = training.seconds_left;
  return left === null ? `${where}.` : `${where}, ${hours(left)} left.`;
}

function hours(value) {
  const minutes = Math.max(1, Math.ceil(value / 60));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
