/* Which plan, and where on the face. */

import { button, change, el, fill } from "../dom.js";
import { Face } from "../face.js";
import { number, unitName } from "../format.js";
import { inTongue, t, word } from "../texts.js";
import { nextButton } from "./prepare.js";

export function planStep(app, steps) {
  const face = new Face();
  const list = el("div", { class: "list", role: "group", "aria-label": t("step.plan") });
  const what = el("div", { class: "stack" });
  const next = nextButton(steps);
  const left = el("div", { class: "stack scroll" }, list, what);
  const element = el("div", { class: "stack grow" },
    el("div", { class: "two" }, left, el("figure", { class: "card" }, face.element)),
    el("div", { class: "foot" }, next));

  let choosing = !app.draft.plan;
  const other = button(t("plan.other"), () => {
    choosing = true;
    draw();
  });
  const draw = () => {
    const plan = app.draft.plan;
    list.hidden = !choosing;
    next.disabled = !plan;
    for (const node of list.children) change(node, "aria-pressed", String(node.dataset.plan === plan?.name));
    face.paint((plan?.zones ?? []).map(faceZone));
    fill(what, ...(plan && !choosing ? [el("h1", { class: "reads" }, plan.title), zoneTable(plan), other] : []));
    steps.marks();
  };
  const choose = async (name) => {
    const plan = await app.read(`/api/plans/${encodeURIComponent(name)}`);
    if (!plan) return;
    const isOther = app.draft.plan?.name !== plan.name;
    app.draft.plan = plan;
    choosing = false;
    if (isOther) Object.assign(app.draft, { preview: null, patient: null });
    if (element.isConnected) draw();
    else steps.again(); // somebody went on before it came
  };
  const load = async () => {
    const plans = await app.read("/api/plans");
    if (plans) fill(list, ...plans.map((line) => planButton(line, choose)));
    draw();
  };
  draw();
  load();
  return { element };
}

function planButton(line, choose) {
  const node = button(line.title, () => choose(line.name), {
    class: "choice", "data-plan": line.name, "aria-pressed": "false", disabled: Boolean(line.problem),
  });
  if (line.problem) node.append(el("small", {}, inTongue(line.problem)));
  return node;
}

function faceZone(zone) {
  return { name: zone.name, region: zone.region, title: zone.title, share: 0, possible: 0, isNext: false, isComplete: false };
}

function zoneTable(plan) {
  const dispenses = plan.zones.some((zone) => zone.dose_nl > 0);
  const row = (zone, index) => el("tr", {},
    el("td", {}, `${index + 1} ${zone.title}`),
    el("td", {}, number(zone.punctures)),
    dispenses ? el("td", {}, number(zone.total_nl)) : null,
    plan.unit ? el("td", {}, number(zone.total_units, 2)) : null,
    el("td", {}, number(zone.protrusion_um)));
  const heads = [t("plan.zone"), t("plan.punctures"), ...(dispenses ? ["nl"] : []),
    ...(plan.unit ? [unitName(plan.unit)] : []), t("plan.protrusion")];
  return el("div", { class: "card" },
    el("p", { class: "quiet" }, `${word("kind", plan.kind)} · ${plan.product ?? t("plan.no_product")} · ${plan.cartridge}`),
    el("table", {},
      el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)))),
      el("tbody", {}, ...plan.zones.map(row))));
}
