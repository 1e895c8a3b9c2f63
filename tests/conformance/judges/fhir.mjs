// The second judge of FHIR R4: validates the resources of each Bundle on standard input, prints the faults.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { Fhir } = createRequire(import.meta.url)("fhir");
const judge = new Fhir();
const faults = [];
for (const bundle of JSON.parse(readFileSync(0, "utf-8"))) {
  for (const { resource } of bundle.entry) {
    const said = judge.validate(resource, { errorOnUnexpected: true });
    for (const each of said.messages ?? []) {
      // Codes outside an example or preferred value set are warnings: the facts are our own code system.
      if (each.severity === "error") faults.push(`${resource.resourceType} ${each.location}: ${each.message}`);
    }
  }
}
console.log(JSON.stringify(faults));
