using System.Text;
using CsvHelper;
using FsCheck;
using FsCheck.Fluent;
using Segmentation.Api.Http;

namespace Segmentation.Api.Tests.Http;

public sealed class RecordReaderTests
{
    [Fact]
    public void Csv_WhateverCsvHelperWrites_IsReadAsItWas()
    {
        var text = Gen.Elements("", "a", "\"", "\"\"", ",", "\n", "\r\n", "x\"y", " ", "ü😀", "\"a\"", "|").ArrayOf().Select(string.Concat);
        var rows = Gen.Choose(1, 5).SelectMany(columns => text.ArrayOf(columns).ArrayOf());
        Prop.ForAll(rows.ToArbitrary(), records =>
        {
            using var writer = new StringWriter();

            // The separator is found from the header, which has none but that.
            writer.Write(string.Join(',', Enumerable.Repeat("h", records.Length == 0 ? 1 : records[0].Length)) + "\n");
            using (var csv = CsvWriter.Create(writer, new CsvWriterOptions(), true))
            {
                foreach (var record in records)
                {
                    csv.WriteRecord(record);
                }
            }

            // A record in which nothing stands is as good as none.
            var expected = records.Where(r => Array.Exists(r, f => f.Contains('\n') || f.Trim(' ', '\r', '\t').Length > 0))
                .Select(r => string.Join('¦', r));
            var read = ReadAsync(new Drip(Encoding.UTF8.GetBytes(writer.ToString()), 7), csv: true).GetAwaiter().GetResult();
            Assert.Equal(expected, read.Skip(1).Where(r => r.Text.Trim('¦', ' ', '\r', '\t').Length > 0).Select(r => r.Text));
            Assert.All(read, r => Assert.Null(r.Fault));
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("a,\"b\nc,d\ne,f", "1!|2:c¦d|3:e¦f")]
    [InlineData("a,\"b\nc,\"d\"\ne,f", "1!|2:c¦d|3:e¦f")]
    [InlineData("a,\"b\"c\nd,e", "1!|2:d¦e")]
    [InlineData("a,b\"c\nd,e", "1:a¦b\"c|2:d¦e")]
    [InlineData("\"a\nb\",c\nd,e", "1:a\nb¦c|3:d¦e")]
    [InlineData("a,\"\"\r\n\n\r\nb,\"x\"\r", "1:a¦|4:b¦x")]
    [InlineData("\"", "1!")]
    [InlineData("\"\n\"\n\"", "1:\n|3!")]
    public async Task Csv_StrayQuotes_CostTheirOwnLine(string body, string expected) => Assert.Equal(
        expected, string.Join('|', (await ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(body)), csv: true)).Select(r =>
            r.Fault is null ? $"{r.Line}:{r.Text}" : $"{r.Line}!")));

    [Theory]
    [InlineData("a;b\n1,5;2", "1:a¦b|2:1,5¦2")]
    [InlineData("a\tb\r\n1;2\t3|4", "1:a¦b|2:1;2¦3|4")]
    [InlineData("a|b\n1|2", "1:a¦b|2:1¦2")]
    [InlineData("\"a;x\",b\n1,2", "1:a;x¦b|2:1¦2")]
    [InlineData("\"a,x\";\"b,y\"\n1;2", "1:a,x¦b,y|2:1¦2")]
    [InlineData("a,b\r1,2\r\r3,4", "1:a¦b|2:1¦2|4:3¦4")]
    [InlineData("a,b\r1,\"x\ry\"\r3,4\r", "1:a¦b|2:1¦x\ry|4:3¦4")]
    [InlineData("a,b\r\"1\",\"2\"\r3,4", "1:a¦b|2:1¦2|3:3¦4")]
    [InlineData("\n \na;b\n1;2", "3:a¦b|4:1¦2")]
    [InlineData("a\n1;2", "1:a|2:1;2")]
    [InlineData("a,b\n,,\n\n1,2", "1:a¦b|4:1¦2")]
    public async Task Csv_SeparatorAndLineEnd_AreFoundFromTheFirstLine(string body, string expected)
    {
        foreach (var size in new[] { 1, 3, 1000 })
        {
            var records = await ReadAsync(new Drip(Encoding.UTF8.GetBytes(body), size), csv: true);
            Assert.Equal(expected, string.Join('|', records.Select(r => $"{r.Line}:{r.Text}")));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task OverLongLines_AreSkipped_AndTheOthersKeepTheirNumbers(bool csv)
    {
        var body = string.Join(
            '\n',
            "a",
            new string('x', RecordReader.MaxBytes),
            new string('y', RecordReader.MaxBytes + 1),
            new string('z', 5 * RecordReader.MaxBytes),
            "b",
            new string('w', 3 * RecordReader.MaxBytes));
        var records = await ReadAsync(new Drip(Encoding.UTF8.GetBytes(body), 100_000), csv);
        Assert.Equal(
            [(1, false), (2, false), (3, true), (4, true), (5, false), (6, true)], records.Select(r => (r.Line, r.Fault is not null)));
    }

    private static async Task<List<(int Line, string Text, string? Fault)>> ReadAsync(Stream body, bool csv)
    {
        var reader = new RecordReader(body, csv);
        var (records, fields) = (new List<(int, string, string?)>(), new List<string?>());
        while (await reader.ReadAsync(CancellationToken.None))
        {
            if (reader.Fault is null)
            {
                RecordReader.Split(reader.Record.Span, reader.Separator, fields);
            }

            records.Add((reader.Line, reader.Fault is null ? string.Join('¦', fields) : "", reader.Fault));
        }

        return records;
    }

    // A body that comes a few bytes at a time.
    private sealed class Drip(byte[] bytes, int size) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
