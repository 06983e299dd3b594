// azure.yaml: what azd needs of it, and azd's own schema where there is a copy.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import Ajv from "ajv/dist/2019.js";
import formats from "ajv-formats";

export async function checkAzure(azure, root, schema) {
  if (schema) {
    // Schemas of azd extensions, which azure.yaml does not use, are not part of the copy.
    const ajv = new Ajv({ strict: false, allErrors: true, loadSchema: async () => ({}) });
    formats(ajv);
    const validate = await ajv.compileAsync(schema);
    return validate(azure) ? [] : validate.errors.map((error) => `${error.instancePath} ${error.message}`);
  }
  const errors = [];
  if (!/^[a-z0-9][a-z0-9-]*$/.test(azure.name ?? "")) errors.push("name: lower case letters, digits and hyphens");
  for (const [name, { project, host, language }] of Object.entries(azure.services ?? {})) {
    if (host !== "containerapp" || language !== "dotnet") errors.push(`${name}: an AppHost's host is containerapp, its language dotnet`);
    const path = join(root, project);
    if (!existsSync(path)) errors.push(`${name}: ${project} does not exist`);
    else if (!readFileSync(path, "utf8").includes("Aspire.AppHost.Sdk")) errors.push(`${name}: ${project} is no Aspire AppHost`);
  }
  if (Object.keys(azure.services ?? {}).length === 0) errors.push("services: there is none");
  return errors;
}
