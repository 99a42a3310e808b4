// Shows times in the reader's zone: of today the hour, of other days the day too.

export function localize(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    const now = new Date();
    const hour = at.toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });
    if (at.toDateString() === now.toDateString()) {
      time.textContent = hour;
    } else {
      const year = at.getFullYear() === now.getFullYear() ? undefined : "numeric";
      time.textContent = `${at.toLocaleDateString(undefined, { day: "numeric", month: "short", year })}, ${hour}`;
    }
    time.title = at.toLocaleString();
  }
}

localize(document);
