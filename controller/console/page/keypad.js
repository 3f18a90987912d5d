/* A text is entered on the screen itself: the kiosk has no keyboard, and gloves need large keys.
   A keyboard that is there works as well. */

import { button, el, say } from "./dom.js";
import { t } from "./texts.js";

const LETTERS = [..."1234567890", ..."QWERTYUIOP", ..."ASDFGHJKL-", ..."ZXCVBNM_"];
const DIGITS = [..."123456789", "-", "0"];

/** Ask for one text. `kind`: "letters", "id" (small letters) or "date". Calls `done(text)`.
    `problem(text)` returns what is wrong, or "". */
export function askText(app, { label, help = "", value = "", kind = "letters", problem = () => "", done }) {
  const wrong = el("p", { class: "bad-text", role: "alert" });
  const input = el("input", {
    type: "text", inputmode: "none", autocomplete: "off", spellcheck: "false", "aria-label": label,
    maxlength: kind === "date" ? 10 : 40,
    on: { keydown: (event) => { if (event.key === "Enter") finish(); } },
  });
  input.value = value;
  const finish = () => {
    const text = kind === "id" ? input.value.trim().toLowerCase() : input.value.trim();
    const found = problem(text);
    say(wrong, found);
    if (!found) {
      app.closePanel();
      done(text);
    }
  };
  const type = (text) => {
    const dashed = kind === "date" && [4, 7].includes(input.value.length) && text !== "-";
    input.value += (dashed ? "-" : "") + text;
    say(wrong, "");
  };
  const show = (key) => (kind === "id" ? key.toLowerCase() : key);
  const keys = (kind === "date" ? DIGITS : LETTERS).map((key) => button(show(key), () => type(show(key))));
  const back = button("⌫", () => { input.value = input.value.slice(0, -1); }, {
    "aria-label": t("keypad.back"), class: kind === "date" ? "" : "wide",
  });
  const element = el("div", { class: "stack" },
    el("div", { class: "row" },
      el("div", { class: "grow" }, el("h1", {}, label), help ? el("p", { class: "quiet" }, help) : null),
      button(t("do.cancel"), () => app.closePanel()),
      button(t("do.done"), finish, { class: "main" })),
    input, wrong,
    el("div", { class: `keypad ${kind === "date" ? "digits" : "letters"}` }, ...keys, back));
  app.panel({ element, title: label });
}
