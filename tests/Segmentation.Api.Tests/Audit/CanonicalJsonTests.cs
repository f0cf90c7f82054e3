using System.Text.Json.Nodes;
using Segmentation.Api.Audit;

namespace Segmentation.Api.Tests.Audit;

/// <summary>RFC 8785: its own examples.</summary>
public sealed class CanonicalJsonTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0.0", "0")]
    [InlineData("5e-324", "5e-324")]
    [InlineData("-1.7976931348623157e308", "-1.7976931348623157e+308")]
    [InlineData("9007199254740992", "9007199254740992")]
    [InlineData("295147905179352830000", "295147905179352830000")]
    [InlineData("9.999999999999997e22", "9.999999999999997e+22")]
    [InlineData("1e23", "1e+23")]
    [InlineData("999999999999999900000", "999999999999999900000")]
    [InlineData("1e21", "1e+21")]
    [InlineData("9.999999999999997e-7", "9.999999999999997e-7")]
    [InlineData("0.000001", "0.000001")]
    [InlineData("333333333.3333332", "333333333.3333332")]
    [InlineData("-0.0000033333333333333333", "-0.0000033333333333333333")]
    [InlineData("1424953923781206.2", "1424953923781206.2")]
    [InlineData("""[56,{"d":true,"10":null,"1":[]}]""", """[56,{"1":[],"10":null,"d":true}]""")]
    [InlineData(
        """{"\u20ac":"Euro Sign","\r":"Carriage Return","1":"One","\u0080":"Control\u007f","\ud83d\ude02":"Smiley","\u00f6":"o"}""",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\u007f\",\"\u00f6\":\"o\",\"\u20ac\":\"Euro Sign\","
        + "\"\ud83d\ude02\":\"Smiley\"}")]
    [InlineData(
        """{"b":{},"a":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/<"}""",
        "{\"a\":\"\u20ac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/<\",\"b\":{}}")]
    public void Write_OfOneValue_IsOneText(string json, string canonical) =>
        Assert.Equal(canonical, CanonicalJson.Write(JsonNode.Parse(json)));
}
