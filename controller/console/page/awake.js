/* Keeps the screen lit while a session is open. A browser that cannot is no reason to stop. */

let lock = null;
let asking = false;

/** Called with every view. */
export async function keepAwake(view) {
  const wanted = Boolean(view.session) && document.visibilityState === "visible";
  if (asking || !navigator.wakeLock || wanted === (lock !== null && !lock.released)) return;
  asking = true;
  try {
    if (wanted) lock = await navigator.wakeLock.request("screen");
    else await lock.release();
  } catch {
    lock = null; // low battery, or not permitted: asked again with a later view
  } finally {
    asking = false;
  }
}
