/* What is in the syringe: product, its concentration, and the vial in hand. */

import { button, el, fill, say } from "../dom.js";
import { age, date, moment, nl, number, unitName } from "../format.js";
import { askText } from "../keypad.js";
import { t } from "../texts.js";
import { nextButton } from "./prepare.js";

const MINUTE_MS = 60000;

export function productStep(app, steps) {
  const { draft } = app;
  draft.vial ??= {};
  const body = el("div", { class: "stack scroll grow" });
  const next = nextButton(steps);
  const element = el("div", { class: "stack grow" }, body, el("div", { class: "foot" }, next));
  if (!draft.plan) {
    fill(body, el("p", { class: "card" }, t("prepare.plan_first")));
    return { element };
  }
  if (!draft.plan.product) {
    fill(body, el("p", { class: "card" }, t("product.none")));
    return { element };
  }
  const about = el("div", { class: "card about" }, el("h2", {}, draft.plan.product));
  const changed = () => { draft.preview = null; fields.forEach((field) => field.draw()); steps.marks(); };
  const lot = field(t("vial.lot"), () => draft.vial.lot, () => askText(app, {
    label: t("vial.lot"), help: t("vial.lot_help"), value: draft.vial.lot, kind: "letters",
    problem: (text) => (text ? "" : t("vial.lot_help")),
    done: (text) => { draft.vial.lot = text; changed(); },
  }));
  const expiry = field(t("vial.expiry"), () => draft.vial.expiry, () => askText(app, {
    label: t("vial.expiry"), help: t("vial.expiry_help"), value: draft.vial.expiry, kind: "date",
    problem: (text) => (isDate(text) ? "" : t("vial.expiry_help")),
    done: (text) => { draft.vial.expiry = text; changed(); },
  }));
  const mixed = field(t("vial.reconstituted"), () => mixedWords(app), () => app.panel(mixedPanel(app, changed)));
  const fields = [lot, expiry, mixed];
  fill(body, about, el("div", { class: "row" }, lot.element, expiry.element), mixed.element);
  changed();
  describe(app, about);
  return { element, show: () => mixed.draw() };
}

function field(label, value, act) {
  const shown = el("span", { class: "value" });
  const node = button("", act, { class: "field grow" });
  node.append(el("small", {}, label), shown);
  const draw = () => {
    say(shown, value() || t("field.missing"));
    shown.classList.toggle("missing", !value());
  };
  draw();
  return { element: node, draw };
}

function isDate(text) {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && date(`${text}T12:00:00`) === text;
}

async function describe(app, about) {
  const products = await app.read("/api/products");
  const product = products?.find((each) => each.name === app.draft.plan.product);
  if (!product) return;
  app.draft.product = product;
  const lines = [t("product.fill", { volume: nl(app.draft.plan.syringe_fill_nl), prime: nl(app.draft.plan.prime_nl) })];
  if (product.use_within_hours !== null) lines.push(t("product.use_within", { hours: number(product.use_within_hours) }));
  fill(about,
    el("h2", {}, product.title),
    product.units_a_ml === null ? null
      : el("p", { class: "number" }, t("product.strength", { units: number(product.units_a_ml, 1), unit: unitName(product.unit) })),
    el("p", { class: "quiet" }, lines.join(" · ")));
}

function minutesSince(app) {
  const wall = app.draft.vial.reconstituted_at_wall;
  if (!wall) return null;
  return Math.max(0, Math.round((Date.parse(app.view.now_wall) - Date.parse(wall)) / MINUTE_MS));
}

function mixedWords(app) {
  const minutes = minutesSince(app);
  if (minutes === null) return "";
  const most = app.draft.product?.use_within_hours ?? null;
  const late = most !== null && minutes > most * 60 ? ` · ${t("vial.too_old")}` : "";
  return t("vial.mixed", { moment: moment(app.draft.vial.reconstituted_at_wall), age: age(minutes) }) + late;
}

/** When the vial was mixed, by the controller's clock: large steps back from now. */
function mixedPanel(app, changed) {
  const { draft } = app;
  const shown = el("p", { class: "when" });
  const show = () => say(shown, mixedWords(app) || t("field.missing"));
  const move = (minutes) => {
    const now_ms = Date.parse(app.view.now_wall);
    const at_ms = draft.vial.reconstituted_at_wall ? Date.parse(draft.vial.reconstituted_at_wall) : now_ms;
    const wanted_ms = minutes === null ? now_ms : Math.min(now_ms, at_ms - minutes * MINUTE_MS);
    draft.vial.reconstituted_at_wall = new Date(wanted_ms).toISOString();
    changed();
    show();
  };
  const steps = [["vial.now", null], ["vial.plus_15", 15], ["vial.plus_60", 60], ["vial.minus_15", -15], ["vial.minus_60", -60]];
  const element = el("div", { class: "stack" },
    el("div", { class: "row" }, el("h1", { class: "grow" }, t("vial.reconstituted")),
      button(t("do.done"), () => app.closePanel(), { class: "main" })),
    shown,
    el("div", { class: "five" }, ...steps.map(([key, minutes]) => button(t(key), () => move(minutes)))));
  return { element, title: t("vial.reconstituted"), show };
}
