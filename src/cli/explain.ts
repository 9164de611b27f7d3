/** `scale explain WORD`: prints what a knob, a section or a code is about. */
import { defaultOf, describe, writePath } from "../config/describe.ts";
import { type Explanation, explain, explanationText, overview, overviewText } from "../config/explain.ts";
import { envName, type Knob } from "../config/knob-path.ts";
import { Problem } from "../problem/problem.ts";

export interface ExplainWords {
  /** Without one it is the sections that are explained. */
  readonly word?: string;
  readonly json: boolean;
  write(text: string): void;
}

/** Throws a Problem when there is nothing of that name. */
export function runExplain({ word, json, write }: ExplainWords): Promise<number> {
  if (word === undefined || word.trim() === "") {
    write(json ? `${JSON.stringify({ about: "sections", sections: overview() })}\n` : overviewText());
    return Promise.resolve(0);
  }
  const explanation = explain(word);
  if (explanation.about === "nothing") throw unknownWord(explanation);
  write(json ? `${JSON.stringify(explanationObject(explanation))}\n` : explanationText(explanation));
  return Promise.resolve(0);
}

function unknownWord({ word, meant }: { readonly word: string; readonly meant?: string }): Problem {
  return new Problem("CLI_UNKNOWN_WORD", {
    what: `Cannot explain "${word.slice(0, 64)}": there is no knob, section or code of that name`,
    fix: meant === undefined ? 'See "scale explain" for the sections' : `Did you mean "scale explain ${meant}"?`,
  });
}

function explanationObject(explanation: Exclude<Explanation, { readonly about: "nothing" }>): object {
  switch (explanation.about) {
    case "code":
      return { about: "code", code: explanation.code, ...explanation.page };
    case "several":
      return { about: "several", knobs: explanation.knobs.map(knobObject) };
    case "knob":
    case "section":
      return { about: explanation.about, ...knobObject(explanation.knob) };
  }
}

function knobObject({ path, row }: Knob): object {
  return {
    path: writePath(path),
    doc: row.doc,
    more: row.more,
    value: describe(row),
    default: defaultOf(row),
    required: row.required === true,
    example: row.example,
    env: envName(path),
    secret: row.secret === true,
    notBuilt: row.notBuilt,
  };
}
