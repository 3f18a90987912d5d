/* Who is treated, by pseudonym, and who treats. The pseudonym of the plan is never taken over by
   itself: somebody looks at the person in the chair and says that it is this one. */

import { button, change, el } from "../dom.js";
import { askText } from "../keypad.js";
import { t, word } from "../texts.js";
import { loginPanel } from "./login.js";
import { nextButton } from "./prepare.js";

const PSEUDONYM = /^[a-z0-9][a-z0-9-]{0,39}$/; // as plans have it

export function patientStep(app, steps) {
  const { draft } = app;
  const patient = el("span", { class: "value reads" });
  const operator = el("span", { class: "value reads" });
  const draw = (view) => {
    if (same) change(same, "hidden", draft.patient === draft.plan.patient);
    patient.textContent = draft.patient || t("field.missing");
    patient.classList.toggle("missing", !draft.patient);
    const login = view?.login;
    operator.textContent = login ? `${login.person} · ${word("role", login.role)}` : t("login.nobody");
    operator.classList.toggle("missing", !login);
  };
  const take = (text) => {
    draft.patient = text;
    draft.preview = null;
    draw(app.view);
    steps.marks();
  };
  const same = draft.plan ? button(t("patient.is", { patient: draft.plan.patient }), () => take(draft.plan.patient), { class: "main" }) : null;
  const enter = () => askText(app, {
    label: t("patient.pseudonym"), help: t("patient.help"), value: draft.patient ?? "", kind: "id",
    problem: (text) => (PSEUDONYM.test(text) ? "" : t("patient.rule")),
    done: take,
  });
  const one = button("", enter, { class: "field" });
  one.append(el("small", {}, t("patient.pseudonym")), patient);
  const two = button("", () => app.panel(loginPanel(app)), { class: "field" });
  two.append(el("small", {}, t("patient.operator")), operator);
  const element = el("div", { class: "stack grow" },
    el("div", { class: "stack grow" }, same, one, two),
    el("div", { class: "foot" }, nextButton(steps)));
  draw(app.view);
  return { element, show: draw };
}
