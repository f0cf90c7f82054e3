using Segmentation.Api.Changes;

namespace Segmentation.Api.Memberships;

/// <summary>Customers that one statement reads, and one transaction writes.</summary>
internal sealed class EvaluationChunk
{
    private const int MaxKeys = 500;

    // The entries of the change log that name some of its customers.
    private readonly List<OpenEntry> entries = [];

    private EvaluationChunk(KeyValuePair<long, EvaluationRequest>[] requests, MembershipCache cache)
    {
        Requests = requests.ToDictionary();
        Cached = requests
            .Select(r => (r.Key, Stored: cache.Take(r.Key)))
            .Where(r => r.Stored is not null)
            .ToDictionary(r => r.Key, r => r.Stored!);
    }

    public IReadOnlyDictionary<long, EvaluationRequest> Requests { get; }

    /// <summary>The segments whose stored membership contains a customer, where that was cached.</summary>
    public IReadOnlyDictionary<long, SegmentSet> Cached { get; }

    /// <summary>The segments whose stored membership contains a customer that was evaluated, once all is written.</summary>
    public Dictionary<long, SegmentSet> Stored { get; } = [];

    /// <summary>The customers that were not found: they no longer exist.</summary>
    public long[] Missing => [.. Requests.Keys.Where(k => !Stored.ContainsKey(k))];

    /// <summary>The customers that were found, and are anonymous since.</summary>
    public long[] Anonymous => [.. Requests.Where(r => r.Value.Erased && Stored.ContainsKey(r.Key)).Select(r => r.Key)];

    public List<MembershipMove> Moves { get; } = [];

    /// <summary>Which segments these leave: that they did is told of the ids that they had.</summary>
    public List<MembershipMove> LeftByAnonymous { get; } = [];

    public List<DeferredEvaluation> Deferred { get; } = [];

    /// <summary>Segments of which a customer took too long to evaluate by itself: they are built anew, beside everything else.</summary>
    public HashSet<int> Rebuilt { get; } = [];

    /// <summary>Splits requests into chunks. Customers with one type of event are evaluated for the same rules, and so together.</summary>
    /// <param name="done">The entries that the requests were made of.</param>
    public static List<EvaluationChunk> Split(
        IReadOnlyDictionary<long, EvaluationRequest> requests, IReadOnlyList<ChangeLogEntry> done, MembershipCache cache)
    {
        var chunks = requests.Where(r => r.Value.IsNeeded)
            .OrderBy(r => r.Value.Events is [{ Type: var type }] ? type : "", StringComparer.Ordinal)
            .Chunk(MaxKeys)
            .DefaultIfEmpty([])
            .Select(r => new EvaluationChunk(r, cache))
            .ToList();
        var byKey = chunks.SelectMany(c => c.Requests.Keys.Select(k => (Key: k, Chunk: c))).ToDictionary(c => c.Key, c => c.Chunk);
        foreach (var entry in done)
        {
            // An entry that needs no evaluation is done with the first chunk.
            var some = (entry.Keys ?? []).Select(k => byKey.GetValueOrDefault(k)).OfType<EvaluationChunk>();
            List<EvaluationChunk> with = [.. some.DefaultIfEmpty(chunks[0]).Distinct()];
            var open = new OpenEntry(entry.Id) { Chunks = with.Count };
            with.ForEach(c => c.entries.Add(open));
        }

        return chunks;
    }

    /// <summary>Counts the chunk as evaluated.</summary>
    /// <returns>The entries of the change log of which it was the last chunk.</returns>
    public long[] Complete()
    {
        entries.ForEach(e => e.Chunks--);
        return [.. entries.Where(e => e.Chunks == 0).Select(e => e.Id)];
    }

    // An entry of the change log, and in how many chunks its customers have not been evaluated.
    private sealed class OpenEntry(long id)
    {
        public long Id => id;

        public int Chunks { get; set; }
    }
}

/// <summary>A customer to be evaluated again when a segment's rebuild has ended.</summary>
internal sealed record DeferredEvaluation(int Segment, MembershipCause Cause, long Key, TriggeringEvent? Event);
