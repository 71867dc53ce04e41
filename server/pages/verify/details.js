// What a check tells, in the reader's language: whole sentences, and templates whose {places} hold figures.

// `known` maps what the checks say to what is shown; what it does not know is shown as it is.
export function translated(detail, known) {
  if (Object.hasOwn(known, detail)) return known[detail];
  for (const [template, sentence] of Object.entries(known)) {
    const found = template.includes("{") ? patternOf(template).exec(detail) : null;
    if (found) return sentence.replace(/\{(\w+)\}/g, (place, name) => found.groups[name] ?? place);
  }
  return detail;
}

function patternOf(template) {
  const parts = template.split(/\{(\w+)\}/);
  const pieces = parts.map((part, at) => (at % 2 ? `(?<${part}>.*?)` : part.replace(/[^\w\s]/g, "\\$&")));
  return new RegExp(`^${pieces.join("")}$`, "s");
}
