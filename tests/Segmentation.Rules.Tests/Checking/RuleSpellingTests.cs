using System.Text.RegularExpressions;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Checking;

/// <summary>What typed clients write: the words in another case, and null for every property that a node does not have.</summary>
public class RuleSpellingTests
{
    private const string Typed = """
        {"combinator":"And","not":null,"field":null,"operator":null,"value":null,"valueSource":null,"match":null,"muted":null,
         "id":null,"path":null,"disabled":null,"rules":[
          {"combinator":null,"not":null,"rules":null,"field":"behavioral.events","operator":"=","valueSource":null,"muted":null,
           "match":{"mode":"ATLEAST","threshold":"2024-01-01","aggregate":"Min","of":"occurredAt"},
           "value":{"combinator":"OR","rules":[
             {"field":"occurredAt","operator":">=","match":null,
              "value":{"mode":"Relative","anchor":"StartOfMonth","offset":-1,"unit":"MONTH"}},
             {"field":"type","operator":"=","value":"And"}]}},
          {"field":"behavioral.sequence","operator":"=","value":{"steps":[
             {"combinator":"aNd","rules":[]},{"combinator":"and","rules":[]}],"within":{"amount":1,"unit":"Day"}}},
          {"field":"behavioral.sequence","operator":"=","value":{"steps":[
             {"combinator":"and","rules":[]},{"combinator":"and","rules":[]}],"within":null}},
          {"field":"behavioral.events","operator":"=","match":{"mode":"Some","threshold":null,"aggregate":null,"of":null},
           "value":{"combinator":"and","rules":[]}},
          {"field":"place","operator":"within","value":{"latitude":1,"longitude":2,"radiusKm":3,"polygon":null}},
          {"field":"place","operator":"within","value":{"latitude":null,"longitude":null,"radiusKm":null,"polygon":[[0,0],[1,0],[1,1]]}},
          {"field":"name","operator":"=","value":"ATLEAST","valueSource":"value","not":null}]}
        """;

    [Fact]
    public void Compile_WordsInAnyCaseAndNulls_IsTheSameRule()
    {
        var compiled = RuleTester.Compile(Typed);
        Assert.Empty(compiled.Errors);
        var spelled = Typed
            .Replace("\"And\",\"not", "\"and\",\"not").Replace("ATLEAST\",\"thr", "atLeast\",\"thr").Replace("\"Min\"", "\"min\"")
            .Replace("\"OR\"", "\"or\"").Replace("Relative", "relative").Replace("StartOfMonth", "startOfMonth")
            .Replace("MONTH", "month").Replace("aNd", "and").Replace("\"Day\"", "\"day\"").Replace("\"Some\"", "\"some\"");
        var withoutNulls = Regex.Replace(spelled, @"\s|,\s*""\w+"":null|""\w+"":null,", "");
        Assert.Equal(withoutNulls, compiled.Source?.GetRawText());
    }

    [Fact]
    public void Source_OfARuleInItsOwnSpelling_IsThatVeryRule()
    {
        var sent = Parse(Group(Rule("seenAt", ">", Relative("now", 1, "day")), Rule("name", "=", "'AND'")));
        Assert.Equal(sent.GetRawText(), RuleTester.Compile(sent.GetRawText()).Source?.GetRawText());
    }

    [Theory]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'IN','value':'a'}]}")]
    [InlineData("{'combinator':'and','rules':[{'field':'Name','operator':'in','value':'a'}]}")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'=','value':'city','valueSource':'Field'}]}")]
    [InlineData("{'Combinator':'and','rules':[]}")]
    public void Compile_OtherWords_AreLetterForLetter(string tree) => Assert.False(RuleTester.Compile(tree).IsValid);

    [Theory]
    [InlineData("{'field':'name','operator':'=','value':''}", "/value")]
    [InlineData("{'field':'name','operator':'='}", "/value")]
    [InlineData("{'field':'name','operator':'=','value':null}", "/value")]
    [InlineData("{'field':'name','operator':'in','value':[]}", "/value")]
    [InlineData("{'field':'name','operator':'in','value':['a','']}", "/value/1")]
    [InlineData("{'field':'income','operator':'>','value':' '}", "/value")]
    [InlineData("{'field':'income','operator':'between','value':['',5]}", "/value/0")]
    [InlineData("{'field':'income','operator':'between','value':','}", "/value")]
    [InlineData("{'field':'vip','operator':'=','value':''}", "/value")]
    [InlineData("{'field':'seenAt','operator':'>','value':''}", "/value")]
    [InlineData("{'field':'birthday','operator':'=','value':''}", "/value")]
    [InlineData("{'field':'tags','operator':'contains','value':''}", "/value")]
    [InlineData("{'field':'place','operator':'within'}", "/value")]
    [InlineData("{'field':'segment','operator':'in','value':[]}", "/value")]
    [InlineData("{'field':'segment','operator':'in','value':''}", "/value")]
    [InlineData("{'field':'name','operator':'=','valueSource':'field','value':''}", "/value")]
    [InlineData("{'field':'name','operator':'=','valueSource':'field'}", "/value")]
    [InlineData("{'field':'behavioral.sequence','operator':'='}", "/value")]
    [InlineData("{'field':'behavioral.events','operator':'=','value':{'combinator':'and','rules':[]}}", "/match")]
    [InlineData("{'field':'behavioral.events','operator':'=','match':{'mode':'some'}}", "/value")]
    [InlineData("{'field':'behavioral.events','operator':'=','value':{'combinator':'and','rules':[]},'match':{'mode':'atLeast'}}",
        "/match/threshold")]
    [InlineData(
        "{'field':'behavioral.events','operator':'=','value':{'combinator':'and','rules':[]},'match':{'mode':'atLeast','threshold':''}}",
        "/match/threshold")]
    [InlineData("{'field':'name','operator':'=','value':5}", null)]
    [InlineData("{'field':'income','operator':'=','value':'x'}", null)]
    [InlineData("{'field':'nmae','operator':'=','value':'x'}", null)]
    [InlineData("{'field':'income','operator':'between','value':[2,1]}", null)]
    public void Errors_OfAValueNotFilledIn_AreIncomplete(string rule, string? pointer)
    {
        var errors = RuleTester.Compile(Group(rule)).Errors;
        Assert.NotEmpty(errors);
        Assert.Equal(pointer is null ? [] : ["/rules/0" + pointer], errors.Where(e => e.IsIncomplete).Select(e => e.Pointer).Distinct());
    }
}
