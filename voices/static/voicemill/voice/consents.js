// The speaker's consent: recorded with the words that were agreed to, withdrawn at any time.
import { call, VOICE } from "./api.js";
import { badge, button, make, say } from "./elements.js";

const ADDRESS = `${VOICE}/consents`;

export class Consents {
  constructor(card, withdrawn) {
    this.card = card;
    this.withdrawn = withdrawn;
    this.list = card.querySelector("[data-list]");
    this.note = card.querySelector("[data-note]");
    this.form = card.querySelector("form");
    this.form?.addEventListener("submit", (event) => {
      event.preventDefault();
      this.give();
    });
  }

  async refresh() {
    const { told } = await call("GET", ADDRESS);
    this.list.replaceChildren(...told.map((one) => this.row(one)));
  }

  async give() {
    const speaker = this.form.elements.speaker.value.trim();
    const agreed = this.form.elements.agreed.checked;
    if (!speaker || !agreed) return say(this.note, "Say whose voice it is, and tick that this person agreed.", true);
    return this.act("POST", ADDRESS, { speaker, text_version: this.form.dataset.version, samples: "all" }, "The consent is recorded.");
  }

  async act(method, address, body, done) {
    try {
      await call(method, address, { body });
      this.form?.reset();
      say(this.note, done);
      await this.refresh();
      return true;
    } catch (problem) {
      say(this.note, problem.message, true);
      return false;
    }
  }

  async withdraw(consent) {
    if (!window.confirm("Withdraw this consent? The voice stops speaking at once.")) return;
    const done = "The consent is withdrawn; the voice is silent.";
    if (await this.act("POST", `${ADDRESS}/${consent.id}/withdraw`, {}, done)) this.withdrawn();
  }

  row(consent) {
    const day = new Date(consent.given_at).toLocaleDateString(undefined, { dateStyle: "medium" });
    const stands = !consent.withdrawn_at;
    return make(
      "li",
      { class: "vm-sample" },
      make(
        "div",
        { class: "vm-head" },
        make("b", {}, consent.speaker),
        stands ? badge("stands", "good") : badge("withdrawn", "bad"),
        make("span", { class: "vm-note" }, `${day}, ${consent.samples.length} recording${consent.samples.length === 1 ? "" : "s"}, words ${consent.text_version}`),
        make("span", { class: "vm-buttons" }, stands && this.form ? button("Withdraw", () => this.withdraw(consent), { class: "vm-button vm-bad" }) : null),
      ),
    );
  }
}
