/* Preparing a session, step by step; on a first run the training with the simulated pen. */

import { actButton } from "../app.js";
import { button, change, el, fill } from "../dom.js";
import { t } from "../texts.js";
import { checksStep } from "./checks_step.js";
import { limitsStep } from "./limits_step.js";
import { patientStep } from "./patient_step.js";
import { planStep } from "./plan_step.js";
import { productStep } from "./product_step.js";

const STEPS = { plan: planStep, product: productStep, patient: patientStep, checks: checksStep, limits: limitsStep };

export function prepareView(app) {
  const view = new Prepare(app);
  return { element: view.element, show: (now) => view.show(now) };
}

/** Whether there is neither pen nor session: the first thing to offer is training. */
function isFirstRun(view) {
  return !view.pen && !view.session;
}

class Prepare {
  constructor(app) {
    this.app = app;
    this.element = el("div", { class: "view" });
    this.kind = null;
    this.step = null;
  }

  show(view) {
    const kind = view.session ? "open" : this.app.calibration?.open ? "measuring" : isFirstRun(view) && !this.app.draft.skipWelcome ? "first" : "steps";
    if (kind !== this.kind) {
      this.kind = kind;
      this[kind]();
    }
    for (const node of this.followers ?? []) node.follow();
    this.step?.show?.(view);
    if (kind === "steps") this.marks();
  }

  // --- first run -------------------------------------------------------------------------------

  first() {
    this.step = null;
    const start = actButton(this.app, "training", t("first.start"),
      () => this.app.act("training", "/api/training/start"), { class: "main" });
    const go = button(t("first.without"), () => {
      this.app.draft.skipWelcome = true;
      this.show(this.app.view);
    });
    this.followers = [start];
    fill(this.element, el("div", { class: "welcome stack" },
      el("h1", {}, t("first.title")), el("p", {}, t("first.what")), el("p", { class: "quiet" }, t("first.safe")),
      start, go));
  }

  // --- a session is open -----------------------------------------------------------------------

  open() {
    this.followers = [];
    this.step = checksStep(this.app, this);
    fill(this.element,
      el("div", { class: "row" }, el("h1", { class: "grow" }, t("prepare.is_open")),
        button(t("place.treat"), () => this.app.go("treat"), { class: "main" })),
      this.step.element);
  }

  // --- a calibration is open: no session can be ------------------------------------------------

  measuring() {
    this.followers = [];
    this.step = null;
    fill(this.element, el("div", { class: "welcome stack" },
      el("h1", {}, t("calibrate.is_open")), el("p", {}, t("calibrate.first")),
      button(t("place.calibrate"), () => this.app.go("calibrate"), { class: "main" })));
  }

  // --- steps -----------------------------------------------------------------------------------

  steps() {
    this.followers = [];
    this.tabs = Object.keys(STEPS).map((name, index) =>
      button(`${index + 1} ${t(`step.${name}`)}`, () => this.to(name), { "data-step": name }));
    this.body = el("div", { class: "stack grow" });
    fill(this.element, el("ol", { class: "steps" }, ...this.tabs.map((tab) => el("li", {}, tab))), this.body);
    this.to(this.app.draft.step);
  }

  /** Go to a step; it is built anew from the draft. */
  to(name) {
    this.app.draft.step = name;
    this.step = STEPS[name](this.app, this);
    fill(this.body, this.step.element);
    if (this.app.view) this.step.show?.(this.app.view);
    this.marks();
  }

  /** The step that is shown is built anew: what it rests on has come. */
  again() {
    if (this.body.isConnected) this.to(this.app.draft.step);
  }

  next() {
    const names = Object.keys(STEPS);
    this.to(names[Math.min(names.indexOf(this.app.draft.step) + 1, names.length - 1)]);
  }

  marks() {
    const { draft, view } = this.app;
    const done = {
      plan: Boolean(draft.plan),
      product: Boolean(draft.plan) && isProductDone(draft),
      patient: Boolean(draft.patient),
      checks: Boolean(view?.checklist.length) && view.checklist.every((check) => check.ok),
      limits: Boolean(draft.preview?.possible),
    };
    for (const tab of this.tabs) {
      tab.classList.toggle("done", done[tab.dataset.step]);
      change(tab, "aria-current", tab.dataset.step === draft.step ? "step" : null);
    }
  }
}

/** A plan without a product needs no vial. */
export function isProductDone(draft) {
  if (!draft.plan?.product) return true;
  const vial = draft.vial ?? {};
  return Boolean(vial.lot && vial.expiry && vial.reconstituted_at_wall);
}

/** The button at the foot of a step that leads on. */
export function nextButton(steps) {
  return button(t("do.next"), () => steps.next(), { class: "main" });
}
