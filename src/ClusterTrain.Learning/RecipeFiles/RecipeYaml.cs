using System.Globalization;
using System.Text.Json.Nodes;
using ClusterTrain.Learning.Recipes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace ClusterTrain.Learning.RecipeFiles;

/// <summary>
/// Builds the tree of a recipe from YAML's parsing events, so that every key and value keeps its line and column. What a recipe
/// has no use for is refused: several documents, tags, anchors and aliases (a short file of aliases can unfold to any size).
/// </summary>
internal sealed class RecipeYaml
{
    private readonly Scanner _scanner;
    private readonly Parser _parser;
    private readonly Func<Mark, RecipePlace> _placeOf;
    private readonly RecipeProblems _problems;

    // The lists and groups that are being read, the innermost on top.
    private readonly Stack<NodeEvent> _open = new();

    private RecipeYaml(string text, Func<Mark, RecipePlace> placeOf, RecipeProblems problems)
    {
        _scanner = new Scanner(new StringReader(text));
        _parser = new Parser(_scanner);
        _placeOf = placeOf;
        _problems = problems;
    }

    /// <summary>The tree of one document; null when there is none. Keys given twice are added to the problems.</summary>
    /// <exception cref="RecipeException">The text is not YAML, or more of YAML than a recipe uses.</exception>
    public static RecipeNode? Parse(string text, Func<Mark, RecipePlace> placeOf, RecipeProblems problems)
    {
        RefuseControlCharacters(text, placeOf);
        var yaml = new RecipeYaml(text, placeOf, problems);
        try
        {
            return yaml.Document();
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException)
        {
            // The scanner says InvalidOperationException, instead of a syntax error, when a bracket is open where the next key
            // begins.
            throw yaml.Invalid(text, e is YamlException invalid ? invalid.Start : yaml._scanner.CurrentPosition, e);
        }
    }

    /// <summary>
    /// What is wrong, at the place of the mistake: a bracket that is not closed shows only where the next key begins.
    /// </summary>
    private RecipeException Invalid(string text, Mark at, Exception error)
    {
        if (Unclosed(text, at) is { } start && at.Line > start.Start.Line)
        {
            var (opens, closes) = start is SequenceStart ? ('[', ']') : ('{', '}');
            return new($"{_placeOf(start.Start)}: this is not valid YAML: '{opens}' is not closed by '{closes}', or a comma is "
                + $"missing, up to {_placeOf(at)}", error);
        }

        // The scanner says where the value with the tab began.
        const int LinesOfValue = 2;
        foreach (var (index, line) in text.Split('\n').Index().Skip((int)at.Line - 1).Take(LinesOfValue))
        {
            if (line.TrimStart(' ').StartsWith('\t'))
            {
                var tab = new Mark(0, index + 1, line.IndexOf('\t') + 1);
                return new($"{_placeOf(tab)}: this is not valid YAML: a tab; indent with spaces", error);
            }
        }

        var what = error is YamlException ? error.Message.TrimEnd('.') : "a bracket or a quote is not closed";
        return new($"{_placeOf(at)}: this is not valid YAML: {what}", error);
    }

    /// <summary>The outermost list or group in brackets that is open at a mistake; null: none is.</summary>
    private NodeEvent? Unclosed(string text, Mark at)
    {
        if (_open.LastOrDefault(IsFlow) is { } start)
        {
            return start;
        }

        // The scanner may fail before the parser tells of the bracket. The lines before the mistake then end inside it.
        var lines = string.Join('\n', text.Split('\n').Take((int)at.Line - 1)) + '\n';
        var before = new RecipeYaml(lines, _placeOf, new RecipeProblems());
        try
        {
            before.Document();
            return null;
        }
        catch (Exception e) when (e is YamlException or InvalidOperationException or RecipeException)
        {
            return before._open.LastOrDefault(IsFlow);
        }
    }

    /// <summary>A value as JSON has it.</summary>
    /// <param name="yaml">The value, YAML.</param>
    public static JsonNode? Json(string yaml) =>
        Json(Parse(yaml, mark => new(yaml, mark.Line, mark.Column), new RecipeProblems())!);

    /// <summary>A value as JSON has it.</summary>
    public static JsonNode? Json(RecipeNode node) => node switch
    {
        RecipeList list => new JsonArray([.. list.Items.Select(Json)]),
        RecipeMapping mapping => new JsonObject(mapping.Entries.Select(entry =>
            KeyValuePair.Create(entry.Key, Json(entry.Value.Value)))),
        RecipeScalar { IsPlain: true, Text: "true" or "True" or "TRUE" } => true,
        RecipeScalar { IsPlain: true, Text: "false" or "False" or "FALSE" } => false,
        _ when RecipeText.TryInteger(node, out var whole) => JsonNode.Parse(whole.ToString(CultureInfo.InvariantCulture)),
        _ when RecipeText.TryNumber(node, out var number) && double.IsFinite(number) => number,
        _ => ((RecipeScalar)node).Text,
    };

    /// <summary>The YAML scanner takes a zero character for the end of the text; it would silently drop the rest.</summary>
    private static void RefuseControlCharacters(string text, Func<Mark, RecipePlace> placeOf)
    {
        var at = text.AsSpan().IndexOfAny(s_controlCharacters);
        if (at < 0)
        {
            return;
        }

        var before = text.AsSpan(0, at);
        var mark = new Mark(at, before.Count('\n') + 1, at - before.LastIndexOf('\n'));
        throw new RecipeException($"{placeOf(mark)}: control character U+{(int)text[at]:X4}; a recipe is plain text, remove it");
    }

    private static readonly System.Buffers.SearchValues<char> s_controlCharacters = System.Buffers.SearchValues.Create(
        [.. Enumerable.Range(0, 0xA0).Select(c => (char)c).Where(c => char.IsControl(c) && c is not ('\t' or '\n' or '\r'))]);

    private RecipeNode? Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out _))
        {
            return null;
        }

        _parser.Consume<DocumentStart>();
        var root = Node(depth: 0);
        _parser.Consume<DocumentEnd>();
        if (_parser.Accept<DocumentStart>(out var second))
        {
            throw Refusal(second, "a second document begins; a file holds one recipe, remove the '---' line or split the file");
        }

        _parser.Consume<StreamEnd>();
        return root;
    }

    private RecipeNode Node(int depth)
    {
        if (_parser.Accept<AnchorAlias>(out var alias))
        {
            throw Refusal(alias, $"alias '*{alias.Value}'; recipes have no aliases, write the value out");
        }
        // The parser reads on when an event is consumed: what begins counts as open before.
        if (_parser.Accept<NodeEvent>(out var next) && next is SequenceStart or MappingStart)
        {
            _open.Push(next);
        }

        var start = _parser.Consume<NodeEvent>();
        if (!start.Anchor.IsEmpty)
        {
            throw Refusal(start, $"anchor '&{start.Anchor.Value}'; recipes have no anchors and aliases, write the values out");
        }

        if (!start.Tag.IsEmpty && !start.Tag.IsNonSpecific)
        {
            throw Refusal(start, $"tag '{start.Tag.Value}'; recipes have no tags, write the plain value");
        }

        if (depth > RecipeLimits.Depth)
        {
            throw Refusal(start, $"nested more than {RecipeLimits.Depth} deep; no recipe needs that");
        }

        return start switch
        {
            Scalar scalar => new RecipeScalar(_placeOf(scalar.Start), scalar.Value, scalar.Style == ScalarStyle.Plain),
            SequenceStart => List(start, depth),
            _ => Mapping(start, depth),
        };
    }

    private RecipeList List(NodeEvent start, int depth)
    {
        var items = new List<RecipeNode>();
        while (!_parser.Accept<SequenceEnd>(out _))
        {
            items.Add(Node(depth + 1));
        }

        _open.Pop();
        _parser.Consume<SequenceEnd>();
        return new(_placeOf(start.Start), items);
    }

    private RecipeMapping Mapping(NodeEvent start, int depth)
    {
        var entries = new OrderedDictionary<string, RecipeEntry>(StringComparer.Ordinal);
        while (!_parser.Accept<MappingEnd>(out _))
        {
            var node = Node(depth + 1);
            if (node is not RecipeScalar key)
            {
                throw new RecipeException($"{node.Place}: {RecipeText.Shown(node)} stands where a key should be; a key is a "
                    + "word");
            }

            var value = Node(depth + 1);
            if (!entries.TryAdd(key.Text, new(key.Place, value)))
            {
                var first = entries[key.Text].KeyPlace;
                _problems.Add(key.Place, key.Text,
                    $"key '{RecipeText.Shown(key.Text)}' is given twice, first at {first}; keep one");
            }
        }

        _open.Pop();
        _parser.Consume<MappingEnd>();
        return new(_placeOf(start.Start), entries);
    }

    private static bool IsFlow(NodeEvent start) =>
        start is SequenceStart { Style: SequenceStyle.Flow } or MappingStart { Style: MappingStyle.Flow };

    private RecipeException Refusal(ParsingEvent at, string problem) => new($"{_placeOf(at.Start)}: {problem}");
}
