// Generate, show and copy a password. The buttons are there only with this script.

for (const hidden of document.querySelectorAll(".tools, [data-copy]")) hidden.hidden = false;

const news = document.querySelector("#news");
const say = (text) => { if (news) news.textContent = text; };

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-generate], [data-show], [data-copy]");
  if (!button) return;
  const { generate: into, show: which, copy: from } = button.dataset;
  if (into) suggest(document.querySelector(into));
  if (which) show(document.querySelector(which), document.querySelector(which).type === "password");
  if (from) copy(document.querySelector(from), button);
});

// Opening Reset Password suggests one: with the click, for the details' own event comes a moment later, when somebody
// may be typing already.
document.querySelector("#reset summary")?.addEventListener("click", () => {
  const field = document.querySelector("#reset #password");
  if (!document.querySelector("#reset").open && !field.value) suggest(field);
});

function suggest(field) {
  field.value = generate();
  field.dispatchEvent(new Event("input", { bubbles: true }));
  show(field, true);
  say("A password was generated.");
}

function show(field, visible) {
  field.type = visible ? "text" : "password";
  const button = document.querySelector(`[data-show="#${field.id}"]`);
  const what = visible ? "Hide" : "Show";
  button.setAttribute("aria-pressed", String(visible));
  button.setAttribute("aria-label", `${what} the password`);
  button.title = what;
  button.querySelector("use").setAttribute("href", visible ? "#icon-eye-off" : "#icon-eye");
}

async function copy(source, button) {
  const text = source.value ?? source.textContent;
  if (!text) return;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    (source.select ?? (() => getSelection().selectAllChildren(source))).call(source);
    say("It is selected: press Ctrl-C to copy it.");
    return;
  }
  say("The password was copied.");
  const icon = button.querySelector("use");
  icon.setAttribute("href", "#icon-check");
  setTimeout(() => icon.setAttribute("href", "#icon-copy"), 1500);
}

// The server's own recipe: groups of letters and digits that cannot be taken for one another.
const alphabet = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";

export function generate() {
  let password = "";
  const byte = new Uint8Array(1);
  const bound = 256 - (256 % alphabet.length); // above it a remainder would be likelier than others
  for (let n = 0; n < 20;) {
    crypto.getRandomValues(byte);
    if (byte[0] >= bound) continue;
    if (n > 0 && n % 5 === 0) password += "-";
    password += alphabet[byte[0] % alphabet.length];
    n++;
  }
  return password;
}
