// The form of a campaign: parts that a choice does not need are out of the way, and times begin in the writer's own zone.
(() => {
  const form = document.querySelector("[data-editor]");
  if (!form) return;
  const chosen = (name) => form.querySelector(`[name="${name}"]:checked, select[name="${name}"]`)?.value ?? "";
  // What stands in a field that is not needed would be refused: it stays in sight.
  const isWritten = (part) => part.hasAttribute("data-unless-empty") && part.querySelector("input, textarea").value.trim() !== "";
  const show = () => {
    for (const part of form.querySelectorAll("[data-shown-for]")) {
      const [name, values] = part.dataset.shownFor.split(":");
      part.hidden = !values.split(" ").includes(chosen(name)) && !isWritten(part);
    }
  };
  form.addEventListener("change", show);
  show();
  for (const field of form.querySelectorAll("[data-zone-default]")) {
    if (!field.value) field.value = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  // Choosing a template takes its text at once, unless words of one's own would go: then only the button does.
  const words = [...form.querySelectorAll("[name=subject], [name=body_text], [name=body_html]")];
  const take = form.querySelector("[name=do][value=template]");
  form.querySelector("[name=template]")?.addEventListener("change", (event) => {
    if (event.target.value && take && words.every((field) => !field.value.trim())) take.click();
  });
  form.querySelector("[role=alert]")?.scrollIntoView({ block: "center" });
})();
