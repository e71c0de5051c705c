/**
 * The series that a PromQL query selects. The grammar is Prometheus's own, so that an error is found without
 * Prometheus.
 */
import { parser } from '@prometheus-io/lezer-promql';

type SyntaxNode = ReturnType<typeof parser.parse>['topNode'];

export interface Selection {
  readonly metric: string;
  /** Labels that the query matches, groups or joins by. */
  readonly labels: readonly string[];
  /** Label values that the query selects or excludes: each alternative of a pattern. */
  readonly values: readonly (readonly [label: string, value: string])[];
}

/** @throws when the text is not PromQL */
export function selectionsOf(query: string): readonly Selection[] {
  const found: Selection[] = [];
  const textOf = ({ from, to }: SyntaxNode): string => query.slice(from, to);
  const namesIn = (node: SyntaxNode): readonly string[] => descendants(node, 'LabelName').map(textOf);

  for (const node of descendants(parser.parse(query).topNode, 'VectorSelector')) {
    const metric = node.getChild('Identifier');
    if (metric === null) throw new Error(`A selector without a metric: ${textOf(node)}`);
    found.push({
      metric: textOf(metric),
      labels: [
        ...namesIn(node),
        ...ancestors(node)
          .flatMap((each) => groupingsOf(each))
          .flatMap(namesIn),
      ],
      values: descendants(node, 'UnquotedLabelMatcher').flatMap((matcher) => {
        const [, name = '', operator = '', text = ''] = /^(\w+)\s*([=!~]+)\s*(.*)$/.exec(textOf(matcher)) ?? [];
        const value = JSON.parse(text) as string;
        return (operator.endsWith('~') ? value.split('|') : [value]).map((each) => [name, each] as const);
      }),
    });
  }
  return found;
}

const groupingsOf = (node: SyntaxNode): readonly SyntaxNode[] => [
  ...node.getChildren('AggregateModifier'),
  ...node.getChildren('MatchingModifierClause'),
];

function ancestors(node: SyntaxNode): readonly SyntaxNode[] {
  return node.parent === null ? [] : [node.parent, ...ancestors(node.parent)];
}

function descendants(node: SyntaxNode, name: string): readonly SyntaxNode[] {
  const found: SyntaxNode[] = [];
  node.cursor().iterate((each) => {
    if (each.type.isError) throw new Error(`Not PromQL at ${each.from} of ${node.from}–${node.to}`);
    if (each.name === name) found.push(each.node);
  });
  return found;
}
