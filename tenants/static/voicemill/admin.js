// Buttons that ask before they post, and buttons that copy a text.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.question;
  if (question && !window.confirm(question)) event.preventDefault();
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copies]");
  if (!button) return;
  const field = document.getElementById(button.dataset.copies);
  field.select();
  // Browsers lend the clipboard to https and localhost only; elsewhere the text is selected.
  if (!navigator.clipboard) return;
  await navigator.clipboard.writeText(field.value);
  button.textContent = "Copied";
});
