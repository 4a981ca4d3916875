// What the pages do beyond links and forms. Without it everything works, a page load at a time.
"use strict";

const announce = (text) => {
  document.getElementById("announce").textContent = text;
};

// Times in the reader's own zone; the title keeps the exact UTC.
const localise = (root) => {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = format.format(new Date(time.dateTime));
  }
};

const showCopyButtons = (root) => {
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = !navigator.clipboard;
};

const ready = (root) => {
  localise(root);
  showCopyButtons(root);
};

// Takes the element with this id out of a page that was answered, and puts it in the place of ours.
const swap = (id, html) => {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById(id);
  const stale = document.getElementById(id);
  if (!fresh || !stale) return null;
  stale.replaceWith(document.adoptNode(fresh));
  ready(fresh);
  return fresh;
};

const post = async (form, extra) => {
  const body = new URLSearchParams(new FormData(form));
  for (const [name, value] of extra) body.append(name, value);
  const action = form.getAttribute("action") || location.href;
  const response = await fetch(action, { method: "POST", body });
  return response.text();
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.dataset.busy && button) {
    announce(form.dataset.busy);
    button.setAttribute("aria-busy", "true");
  }
  const id = button?.dataset.swap ?? form.dataset.swap;
  if (!id) return;
  event.preventDefault();
  if (form.dataset.pending) return;
  form.dataset.pending = "yes";
  const label = button.textContent;
  if (form.dataset.busy) button.textContent = form.dataset.busy;
  try {
    const html = await post(form, button.name ? [[button.name, button.value]] : []);
    const fresh = swap(id, html);
    if (!fresh) {
      // Refused, or signed out meanwhile: what was answered says it.
      if (!swap("main", html)) location.reload();
      return;
    }
    const again = fresh.querySelector("button.toggle");
    if (again) {
      again.focus();
      announce(`${again.getAttribute("aria-label")}: ${again.textContent}`);
    }
  } catch {
    announce("The service could not be reached. Try again.");
  } finally {
    delete form.dataset.pending;
    button.textContent = label;
    button.removeAttribute("aria-busy");
  }
});

// The preview follows what is typed.
let typing;
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-live]");
  if (!form || !["body_template", "content_type"].includes(event.target.name)) return;
  clearTimeout(typing);
  typing = setTimeout(async () => {
    try {
      swap(form.dataset.live, await post(form, [["do", "preview"]]));
    } catch {
      // The button is still there.
    }
  }, 400);
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.classList.add("copied");
  announce("Copied");
});

// A delivery that something is to come of is looked at again until it has.
const refresh = async () => {
  const live = document.querySelector("[data-refresh]");
  if (!live) return;
  if (!document.hidden && !live.contains(document.activeElement)) {
    try {
      const response = await fetch(location.href);
      if (response.ok) swap(live.id, await response.text());
    } catch {
      // The next time may do better.
    }
  }
  setTimeout(refresh, 3000);
};

ready(document);
setTimeout(refresh, 2000);
