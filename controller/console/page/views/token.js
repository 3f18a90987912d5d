/* A screen that is not on the controller itself shows its token once. */

import { get, post } from "../api.js";
import { button, el, say } from "../dom.js";
import { t } from "../texts.js";

const NEEDS_TOKEN = 8033; // E8033: a request from elsewhere

/** Ask for the token, when that is why the controller refuses to speak. */
export async function askForToken(app) {
  if (app.openPanel) return;
  const refusal = await get("/api/state").then(() => null, (error) => error);
  if (refusal?.number === NEEDS_TOKEN && !app.openPanel) app.panel(tokenPanel(app));
}

function tokenPanel(app) {
  const said = el("p", { class: "bad-text", role: "alert" });
  const token = el("input", { type: "password", autocomplete: "off", "aria-label": t("token.title") });
  const send = async () => {
    try {
      await post("/api/enter", { token: token.value.trim() });
      app.closePanel();
      app.stream.connect();
    } catch (error) {
      say(said, [error.what, error.action].filter(Boolean).join(" "));
    }
  };
  const element = el("div", { class: "stack" },
    el("h1", {}, t("token.title")), el("p", {}, t("token.help")), token, said,
    button(t("do.done"), send, { class: "main" }));
  return { element, title: t("token.title") };
}
