/* Who is treated, by pseudonym, and who treats. */

import { button, el } from "../dom.js";
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
    patient.textContent = draft.patient || t("field.missing");
    patient.classList.toggle("missing", !draft.patient);
    const login = view?.login;
    operator.textContent = login ? `${login.person} · ${word("role", login.role)}` : t("login.nobody");
    operator.classList.toggle("missing", !login);
  };
  const enter = () => askText(app, {
    label: t("patient.pseudonym"), help: t("patient.help"), value: draft.patient ?? "", kind: "id",
    problem: (text) => (PSEUDONYM.test(text) ? "" : t("patient.rule")),
    done: (text) => {
      draft.patient = text;
      draft.preview = null;
      draw(app.view);
      steps.marks();
    },
  });
  const one = button("", enter, { class: "field" });
  one.append(el("small", {}, t("patient.pseudonym")), patient);
  const two = button("", () => app.panel(loginPanel(app)), { class: "field" });
  two.append(el("small", {}, t("patient.operator")), operator);
  const element = el("div", { class: "stack grow" },
    el("div", { class: "stack grow" }, one, two, el("p", { class: "quiet" }, t("patient.help"))),
    el("div", { class: "foot" }, nextButton(steps)));
  draw(app.view);
  return { element, show: draw };
}
