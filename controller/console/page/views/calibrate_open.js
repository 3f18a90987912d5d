/* The calibration that is open: the step, what to do, the balance's word, the series, what is asked. */

import { actButton } from "../app.js";
import { button, change, el, fill, keep, say } from "../dom.js";
import { number, time } from "../format.js";
import { inTongue, t, word } from "../texts.js";
import { askAnswer, askReason, tellHow } from "./calibrate_asks.js";
import { drawPlot, said } from "./plot.js";

export function openView(app) {
  const view = new Open(app);
  return { element: view.element, show: (now, calibration) => view.show(now, calibration?.open ?? null) };
}

class Open {
  constructor(app) {
    this.app = app;
    this.title = el("h1", { class: "grow" });
    this.count = el("span", { class: "number" });
    this.bar = el("div", { class: "progress", role: "progressbar", "aria-label": t("calibrate.progress"), "aria-valuemin": "0" });
    this.mass = el("span", { class: "mass" });
    this.mark = el("span", { class: "badge" });
    this.live = el("div", { class: "huge weight live" }, this.mass, this.mark);
    this.what = el("p", { class: "what" });
    this.told = el("div", { class: "told", role: "status" });
    this.ask = el("p", { class: "asked", role: "status" });
    this.figure = el("figure", { class: "series" });
    this.caption = el("figcaption", { class: "quiet" });
    this.answered = null;
    this.followers = [];
    this.acts = el("div", { class: "acts" });
    this.element = el("div", { class: "stack grow" },
      el("div", { class: "row top" }, this.title, this.count, ), this.bar, this.live,
      el("div", { class: "calibrate-body" }, el("div", { class: "stack scroll" }, this.ask, this.what, this.told), this.figure),
      this.acts);
  }

  show(view, open) {
    if (!open) return;
    this.open = open;
    const { step } = open;
    if (open.question?.id !== this.answered) this.answered = null;
    this.asked = this.answered === null ? open.question : null;
    say(this.title, step ? inTongue(step.title) : word("calibration", open.procedure));
    say(this.count, step ? `${step.number} / ${step.total}` : "");
    change(this.bar, "aria-valuemax", String(step?.total ?? 1));
    change(this.bar, "aria-valuenow", String(step?.number ?? 0));
    this.bar.style.setProperty("--share", `${step ? Math.min(100, (step.number - 1) / step.total * 100) : 0}%`);
    say(this.what, step && open.led_by ? inTongue(step.instruction) : this.standsStill(open));
    this.weight(open);
    this.question();
    keep(this.told, open.told.map((text, index) => ({ text, index })), (each) => each.index, () => el("p"),
      (node, each) => say(node, inTongue(each.text)));
    this.series(open);
    this.buttons(view, open);
    for (const node of this.followers) node.follow?.();
  }

  standsStill(open) {
    const why = open.trouble ? `E${open.trouble.number} ${inTongue(open.trouble.what)} ${inTongue(open.trouble.action)}` : "";
    return [t("calibrate.stands", { time: time(open.opened_wall), person: open.opened_by }), why].filter(Boolean).join(" ");
  }

  weight(open) {
    change(this.live, "hidden", open.procedure !== "dose" || open.typed || !open.led_by);
    const { live } = open;
    say(this.mass, live?.mass_mg === null || !live ? "– mg" : `${number(live.mass_mg, live.decimals)}\u202fmg`);
    const state = !live ? "silent" : live.mass_mg === null ? "none" : live.stable ? "stable" : "moving";
    say(this.mark, state === "none" ? inTongue(live.why) : t(`balance.${state}`));
    change(this.mark, "class", state === "stable" ? "badge good" : "badge");
  }

  question() {
    change(this.ask, "hidden", !this.asked);
    say(this.ask, this.asked ? inTongue(this.asked.text) : "");
  }

  series(open) {
    const drawn = JSON.stringify(open.plot);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    change(this.figure, "hidden", !open.plot);
    if (!open.plot) return;
    say(this.caption, said(open.plot));
    fill(this.figure, drawPlot(open.plot), this.caption);
  }

  // --- what can be touched -----------------------------------------------------------------------

  /** Built anew only when what is asked or who leads changes: a touch under way is not disturbed. */
  buttons(view, open) {
    const mine = Boolean(open.led_by) && view.login?.person === open.led_by;
    const kind = JSON.stringify([this.asked, mine, open.led_by, view.login?.person]);
    if (kind === this.kind) return;
    this.kind = kind;
    this.followers = mine ? this.leading(open) : this.others(open);
    fill(this.acts, ...this.followers);
  }

  /** The first place is kept for an answer: nothing moves under a finger when something is asked. */
  leading(open) {
    const act = (name, body) => this.app.act("calibrate", `/api/calibration/${name}`, body);
    const question = this.asked;
    const answer = async (text) => {
      if (!(await act("answer", { question: question.id, text }))) return;
      this.answered = question.id; // a second touch of the same finger answers nothing
      this.show(this.app.view, this.open);
    };
    const typed = question?.typed
      ? actButton(this.app, "calibrate", t("calibrate.enter"), () => askAnswer(this.app, question, answer), { class: "main" })
      : null;
    const touch = question && !typed
      ? actButton(this.app, "calibrate", t(question.kind === "clear" ? "calibrate.clear" : question.kind === "try again" ? "calibrate.try_again" : "calibrate.done"),
        () => answer(""), { class: "main" })
      : null;
    return [
      typed ?? touch ?? button(t("calibrate.goes_on"), () => {}, { class: "main", disabled: true }),
      button(t("calibrate.redo"), () => askReason(this.app, "redo", (reason) => act("redo", { reason }))),
      open.procedure === "dose" ? actButton(this.app, "calibrate", t("calibrate.moved"), () => act("vessel-moved", {})) : null,
      button(t("calibrate.record"), () => tellHow(this.app, this.open)),
      button(t("calibrate.abort"), () => askReason(this.app, "abort", (reason) => act("abort", { reason }))),
    ].filter(Boolean);
  }

  others(open) {
    const start = (typed) => this.app.act("calibrate", "/api/calibration/start", { procedure: open.procedure, typed });
    const go = actButton(this.app, "calibrate", open.led_by ? t("calibrate.take_over", { person: open.led_by }) : t("calibrate.go_on"), () => start(false), { class: "main" });
    const typed = open.procedure === "dose" ? actButton(this.app, "calibrate", t("calibrate.go_on_typed"), () => start(true)) : null;
    const abort = open.led_by ? null : button(t("calibrate.abort"), () => askReason(this.app, "abort", (reason) => this.app.act("calibrate", "/api/calibration/abort", { reason })));
    return [go, typed, button(t("calibrate.record"), () => tellHow(this.app, this.open)), abort].filter(Boolean);
  }
}
