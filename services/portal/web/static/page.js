// What every page with forms does: send a form once, take back what was at fault, keep a password out of the browser's
// history, and tell where to look.

// A second click while the first is under way is not sent. The server would do it once all the same (the form's token);
// but the browser would show the answer to the second request, and a password is only in the answer to the first.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  if (stopped(form)) {
    event.preventDefault();
    return;
  }
  if (form.matches("[data-carry]")) carry(form);
  form.dataset.sent = "yes";
  event.submitter?.setAttribute("aria-busy", "true");
});

// A page that comes back out of the browser's memory may send its forms again.
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
});

// A fault is one of what was sent: it goes when that is changed.
document.addEventListener("input", ({ target: field }) => {
  field.removeAttribute("aria-invalid");
  document.getElementById(field.getAttribute("aria-describedby"))?.querySelector(".fault")?.remove();
});

// carry sends along what was typed into the name but not saved, so that the answer shows it still.
function carry(form) {
  const name = document.querySelector("#name");
  if (!name || name.value === name.defaultValue) return;
  const typed = document.createElement("input");
  typed.type = "hidden";
  typed.name = "typed-name";
  typed.value = name.value;
  form.append(typed);
}

// stopped holds Save and Close back once when a password was entered but the app is still off, or an address was changed
// and not saved.
function stopped(form) {
  const other = form.dataset.check && document.getElementById(form.dataset.check);
  const note = document.querySelector("#unsent");
  if (!other || !note || !note.hidden || !unsent(other)) return false;
  note.hidden = false;
  other.querySelector("button.primary").focus();
  return true;
}

function unsent(part) {
  return part === readdress ? address.value !== inForce() : part.querySelector("#password")?.value;
}

// The address is edited in its place: whoever opens that is in the field, and who cancels has changed nothing.
const readdress = document.querySelector("#readdress");
const address = readdress?.querySelector("#email");
const inForce = () => readdress.querySelector("#address").textContent;
readdress?.addEventListener("toggle", () => {
  if (!readdress.open) address.value = inForce();
  else if (readdress.contains(document.activeElement)) address.select();
});
if (readdress) addEventListener("click", (event) => {
  if (!event.target.closest?.('a[href="#email"]')) return;
  event.preventDefault();
  readdress.open = true;
  address.select();
});

// The answer to a post is not a page to come back to: a reload asks for the page itself, without the password, and
// what leaves the screen leaves the document. So do passwords that were typed.
const page = document.querySelector("[data-page]")?.dataset.page;
if (page && page !== location.pathname) history.replaceState(null, "", page);

addEventListener("pagehide", () => {
  document.querySelector("#once")?.remove();
  for (const field of document.querySelectorAll("input.secret")) field.value = "";
});

document.querySelector("[data-focus]")?.focus();
