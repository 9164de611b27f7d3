/** `scale schema`: the JSON Schema of the config file, for editors. */
import { jsonSchema } from "../config/json-schema.ts";

export interface SchemaWords {
  write(text: string): void;
}

/** What `scale schema` prints and configs/scale.schema.json holds. */
export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}

export function runSchema({ write }: SchemaWords): Promise<number> {
  write(schemaText());
  return Promise.resolve(0);
}
