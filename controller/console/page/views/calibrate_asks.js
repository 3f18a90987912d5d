/* What a calibration asks of a person: values of instruments on a pad of digits, a reason in two
   touches, a second person's PIN; and the record so far. */

import { button, el, fill, say } from "../dom.js";
import { time } from "../format.js";
import { askText } from "../keypad.js";
import { inTongue, t, word } from "../texts.js";
import { LoginPad } from "./login.js";

const KEYS = [..."123456789", ".", "0", "⌫"];
const FIELDS = {
  mass: { names: ["mass"], units: ["g", "mg"] },
  room: { names: ["liquid", "air", "pressure", "humidity"], units: [""] },
  indicator: { names: ["indicator"], units: ["mm", "um"] },
  tachometer: { names: ["cadence", "uncertainty"], units: [""] },
};
const INSTEAD = { tachometer: { name: "none", text: "-" }, indicator: { name: "touch_again", text: "" } };
const REASONS = { redo: ["drop", "touched", "draught", "mistyped"], abort: ["instrument", "pen", "time", "training"] };

/** Ask for what `question` wants; calls `done(text)` with the text of the contract. */
export function askAnswer(app, question, done) {
  const form = FIELDS[question.kind];
  if (!form) return askText(app, { label: inTongue(question.text), done });
  return new Values(app, question, form, done).open();
}

class Values {
  constructor(app, question, form, done) {
    Object.assign(this, { app, question, form, done });
    this.inputs = form.names.map((name) => el("input", {
      type: "text", inputmode: "none", autocomplete: "off", maxlength: 12, "aria-label": t(`value.${name}`), class: "value",
      on: { focus: (event) => { this.at = event.target; }, keydown: (event) => { if (event.key === "Enter") this.next(); } },
    }));
    [this.at] = this.inputs;
  }

  open() {
    const { form } = this;
    const pad = el("div", { class: "keypad digits" }, ...KEYS.map((key) =>
      button(key, () => this.press(key), key === "⌫" ? { "aria-label": t("keypad.back") } : {})));
    const labels = this.inputs.map((input, index) => el("label", { class: "named" }, t(`value.${form.names[index]}`), input));
    const send = form.units.map((unit) => button(unit ? t("calibrate.send_unit", { unit: unit === "um" ? "µm" : unit }) : t("do.done"), () => this.send(unit), { class: "main" }));
    const instead = INSTEAD[this.question.kind];
    const none = instead ? [button(t(`calibrate.${instead.name}`), () => this.say(instead.text))] : [];
    const element = el("div", { class: "stack" },
      el("h1", {}, inTongue(this.question.text)),
      el("div", { class: "login-grid" }, el("div", { class: "stack" }, ...labels,
        el("div", { class: "row" }, ...send, ...none, button(t("do.cancel"), () => this.app.closePanel()))), pad));
    this.app.panel({ element, title: inTongue(this.question.text) });
  }

  press(key) {
    this.at.value = key === "⌫" ? this.at.value.slice(0, -1) : this.at.value + key;
    this.at.focus({ preventScroll: true });
  }

  next() {
    const after = this.inputs[this.inputs.indexOf(this.at) + 1];
    if (after) after.focus();
    else if (this.form.units.length === 1) this.send(this.form.units[0]);
  }

  send(unit) {
    const empty = this.inputs.find((input) => !input.value.trim());
    if (empty) return empty.focus();
    const values = this.inputs.map((input) => input.value.trim().replace(",", "."));
    return this.say([...values, unit].filter(Boolean).join(" "));
  }

  say(text) {
    this.app.closePanel();
    this.done(text);
  }
}

/** Why: the second touch does it. `what` is "redo" or "abort". Calls `done(reason)`. */
export function askReason(app, what, done) {
  const say_it = (reason) => { app.closePanel(); done(reason); };
  const choices = REASONS[what].map((name) => button(t(`reason.${name}`), () => say_it(t(`reason.${name}`)), { class: "choice" }));
  const other = button(t("reason.other"), () => askText(app, { label: t(`calibrate.why_${what}`), problem: (text) => (text ? "" : t("reason.missing")), done: say_it }), { class: "choice" });
  const element = el("div", { class: "stack" },
    el("h1", { tabindex: "-1" }, t(`calibrate.why_${what}`)), el("p", { class: "quiet" }, t(`calibrate.kept_${what}`)),
    el("div", { class: "reasons" }, ...choices, other, button(t("do.cancel"), () => app.closePanel())));
  app.panel({ element, title: t(`calibrate.why_${what}`) });
}

/** The record of the open calibration, newest first. */
export function tellHow(app, open) {
  const lines = open.readings.map((each) => el("li", { class: "card" },
    el("strong", {}, word("reading", each.kind)), " ", el("span", {}, inTongue(each.text)),
    el("small", { class: "quiet" }, ` ${time(each.wall)} ${each.by}`)));
  const element = el("div", { class: "stack" },
    el("div", { class: "row" }, el("h1", { class: "grow", tabindex: "-1" }, t("calibrate.record")), button(t("do.close"), () => app.closePanel())),
    el("p", { class: "quiet" }, `${open.id} · ${open.pen_uid} · ${open.opened_by}`),
    el("ul", { class: "list" }, ...lines));
  app.panel({ element, title: t("calibrate.record") });
}

/** A second person approves with the own PIN; calls `done(page)` with what is true then. */
export function askApproval(app, done) {
  const pad = new ApprovalPad(app, "");
  pad.done = done;
  app.panel(pad.panel());
}

class ApprovalPad extends LoginPad {
  panel() {
    const panel = super.panel(t("certificate.title"), t("certificate.second"));
    const remark = button(t("certificate.remark"), () => askText(this.app, {
      label: t("certificate.remark"), help: t("certificate.remark_help"), value: this.remark ?? "", done: (text) => { this.again(text); },
    }));
    panel.element.querySelector(".row > .grow").after(remark);
    return panel;
  }

  /** The remark took the panel's place. */
  again(text) {
    this.remark = text;
    fill(this.people);
    say(this.said, text);
    this.app.panel(this.panel());
  }

  async send() {
    if (!this.person) return say(this.said, t("login.who"));
    const pin = this.pin.value;
    this.pin.value = "";
    const page = await this.app.act("certify", "/api/certificates/issue", { person: this.person, pin, remark: this.remark || null });
    if (!page) return undefined;
    this.app.closePanel();
    return this.done(page);
  }
}
