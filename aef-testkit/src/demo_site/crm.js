(() => {
  const dialog = document.getElementById("record-dialog");
  const form = dialog.querySelector("form");
  const title = dialog.querySelector("h2");
  const problem = dialog.querySelector("[role=alert]");
  const remove = dialog.querySelector("button.danger");
  const status = document.querySelector("[data-testid=saved]");
  const notice = document.getElementById("notice");
  const fields = ["firm", "contact", "stage", "lastContact", "notes"];
  let current = null;

  async function call(url, body) {
    const request = body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const response = await fetch(url, request);
    if (response.status === 401) {
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
    }
    const answer = response.status === 204 ? {} : await response.json();
    if (!response.ok) throw new Error(answer.error);
    return answer;
  }

  async function open(id) {
    notice.textContent = "";
    status.textContent = "";
    let record;
    try {
      record = await call("/api/form" + (id ? "/" + encodeURIComponent(id) : ""));
    } catch (error) {
      notice.textContent = "The form could not be opened. " + error.message;
      return;
    }
    current = id;
    title.textContent = id ? "Edit " + record.firm : "New record";
    problem.textContent = "";
    remove.hidden = !id;
    for (const name of fields) form.elements[name].value = record[name];
    dialog.showModal();
  }

  async function refresh(freshId) {
    const page = new DOMParser().parseFromString(await (await fetch(location.href)).text(), "text/html");
    document.getElementById("grid").replaceWith(page.getElementById("grid"));
    const row = freshId && document.querySelector(`[data-record="${CSS.escape(freshId)}"]`);
    if (row) row.classList.add("fresh");
  }

  async function write(work) {
    const buttons = form.querySelectorAll("button");
    problem.textContent = "";
    for (const button of buttons) button.disabled = true;
    try {
      const { message, id } = await work();
      await refresh(id);
      dialog.close();
      status.textContent = message;
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = Object.fromEntries(fields.map((name) => [name, form.elements[name].value]));
    write(async () => {
      const saved = await call("/api/records" + (current ? "/" + encodeURIComponent(current) : ""), body);
      return { message: "Saved " + saved.firm, id: saved.id };
    });
  });

  remove.addEventListener("click", () => {
    const firm = form.elements.firm.value;
    if (!confirm(`Delete ${firm}?`)) return;
    write(async () => {
      await call("/api/records/" + encodeURIComponent(current) + "/delete", {});
      return { message: "Deleted " + firm };
    });
  });

  dialog.querySelector("button.cancel").addEventListener("click", () => dialog.close());
  document.getElementById("new-record").addEventListener("click", () => open(null));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-edit]");
    if (button) open(button.dataset.edit);
  });
})();
