// Live figures: the page is asked for again while somebody looks at it.

const PAUSE_MS = 10000;

async function renew() {
  const main = document.getElementById("main");
  if (document.hidden || main.contains(document.activeElement) && document.activeElement !== main) return;
  try {
    const told = await (await fetch(location.href)).text();
    const fresh = new DOMParser().parseFromString(told, "text/html").querySelector("article");
    if (fresh) main.querySelector("article").replaceWith(fresh);
  } catch {
    // the figures stay as they were, with their time beside them
  }
}

setInterval(renew, PAUSE_MS);
