// A one-time link carries its token behind the #, which no browser sends and no server logs. Here it moves into the
// form, out of the address and the history. A person clicks: whatever else opens links uses nothing up.

function take() {
  const token = location.hash.slice(1);
  if (!token) return;
  history.replaceState(null, "", location.pathname);
  const field = document.querySelector("#link");
  field.value = token;
  document.querySelector("#how").textContent = "Your one-time link is here. It works once.";
  document.querySelector("main form button").focus();
}

addEventListener("hashchange", take);
take();
