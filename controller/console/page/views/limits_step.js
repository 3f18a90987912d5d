/* What will be given, zone by zone, against each limit; then the session is opened. */

import { actButton } from "../app.js";
import { el, fill } from "../dom.js";
import { measured, nl, number, units } from "../format.js";
import { inTongue, t, word } from "../texts.js";
import { isProductDone } from "./prepare.js";

const NEAR = 0.8; // of a limit: the alarm LIMIT_NEAR

export function limitsStep(app, steps) {
  const body = el("div", { class: "stack scroll grow" });
  const open = actButton(app, "open", t("limits.open"), async () => {
    const opened = await app.act("open", "/api/sessions", request(app.draft));
    if (opened) Object.assign(app.draft, { step: "plan", preview: null, vial: {}, patient: null, plan: null });
  }, { class: "main" });
  const { follow } = open;
  open.follow = () => {
    follow();
    if (!app.draft.preview?.possible) open.disabled = true;
  };
  open.follow();
  const element = el("div", { class: "stack grow" }, body, el("div", { class: "foot" }, open));
  load(app, body).then(() => {
    open.follow();
    steps.marks();
  });
  return { element, show: () => open.follow() };
}

/** What the controller is asked, from the draft. */
function request(draft) {
  const asked = { plan: draft.plan.name, patient: draft.patient };
  if (draft.plan.product) asked.vial = draft.vial;
  return asked;
}

async function load(app, body) {
  const { draft } = app;
  const missing = [
    draft.plan ? "" : t("prepare.plan_first"),
    isProductDone(draft) ? "" : t("limits.vial_first"),
    draft.patient ? "" : t("limits.patient_first"),
  ].filter(Boolean);
  if (missing.length) return fill(body, ...missing.map((line) => el("p", { class: "finding blocks" }, line)));
  fill(body, el("p", {}, t("limits.asking")));
  const preview = await app.act("preview", "/api/sessions/preview", request(draft));
  if (!preview) return fill(body, el("p", { class: "finding blocks" }, t("limits.refused")));
  draft.preview = preview;
  return fill(body, ...findings(preview), total(preview.plan, draft), measures(preview));
}

function findings(preview) {
  const order = [...preview.findings].sort((a, b) => Number(b.blocks) - Number(a.blocks));
  return order.map((finding) => el("p", { class: finding.blocks ? "finding blocks" : "finding" }, inTongue(finding.sentence)));
}

function total(plan, draft) {
  const sum = (key) => plan.zones.reduce((all, zone) => all + (zone[key] ?? 0), 0);
  const words = [t("limits.total", { punctures: number(sum("punctures")) })];
  if (sum("total_nl")) words.push(nl(sum("total_nl")));
  if (plan.unit) words.push(units(sum("total_units"), plan.unit));
  return el("div", { class: "card" },
    el("h2", { class: "reads" }, `${plan.title} · ${draft.patient}`),
    el("p", { class: "number" }, words.join(" · ")));
}

function measures(preview) {
  const titles = Object.fromEntries(preview.plan.zones.map((zone) => [zone.name, heading(zone, preview.plan.unit)]));
  const subjects = [...new Set(preview.measures.map((measure) => measure.subject))];
  const parts = subjects.flatMap((subject) => [
    el("h3", {}, titles[subject] ?? word("subject", subject)),
    ...preview.measures.filter((measure) => measure.subject === subject).flatMap(line),
  ]);
  return el("div", { class: "card measures" }, ...parts);
}

function heading(zone, unit) {
  const dose = zone.dose_nl ? [`${number(zone.punctures)} × ${nl(zone.dose_nl)} = ${nl(zone.total_nl)}`, units(zone.total_units, unit)]
    : [`${number(zone.punctures)} ${t("unit.punctures")}`];
  return [zone.title, ...dose].filter(Boolean).join(" · ");
}

function line(measure) {
  const share = measure.at_least ? measure.limit / measure.value : measure.value / measure.limit;
  const level = measure.holds ? (share >= NEAR ? "near" : "ok") : "over";
  const bar = el("div", { class: "bar", "data-level": level, "aria-hidden": "true" });
  bar.style.setProperty("--share", `${Math.min(100, Math.max(0, share * 100))}%`);
  const bound = t(measure.at_least ? "limits.at_least" : "limits.at_most", { limit: measured(measure.limit, measure.unit) });
  return [
    el("span", {}, word("measure", measure.name)),
    el("span", { class: "number" }, `${measured(measure.value, measure.unit)} / ${bound}`),
    bar,
    el("span", { class: measure.holds ? "share" : "share bad-text" },
      measure.holds ? `${Number.isFinite(share) ? Math.round(share * 100) : 0} %` : t(measure.at_least ? "limits.under" : "limits.over")),
  ];
}
