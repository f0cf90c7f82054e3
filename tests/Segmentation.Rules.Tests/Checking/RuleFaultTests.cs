using Segmentation.Rules.Checking;
using Segmentation.Rules.Values;
using static Segmentation.Rules.Tests.Json;

namespace Segmentation.Rules.Tests.Checking;

/// <summary>Invalid rules: each error with its pointer and part of its text, and no other error.</summary>
public class RuleFaultTests
{
    private const string Ok = "{'field':'name','operator':'=','value':'anna'}";

    [Theory]
    [InlineData("{}", ": starts with a group")]
    [InlineData("[]", ": starts with a group")]
    [InlineData("null", ": starts with a group")]
    [InlineData("'text'", ": starts with a group")]
    [InlineData(Ok, ": starts with a group")]
    [InlineData("{'rules':[]}", "/combinator: 'and' or 'or', but is missing")]
    [InlineData("{'combinator':null,'rules':[]}", "/combinator: is missing")]
    [InlineData("{'combinator':'xor','rules':[]}", "/combinator: is the string 'xor'")]
    [InlineData("{'combinator':1,'rules':[]}", "/combinator: is the number 1")]
    [InlineData("{'combinator':'and','rules':null}", ": starts with a group")]
    [InlineData("{'combinator':'and','rules':{}}", "/rules: must be a list, but is an object")]
    [InlineData("{'combinator':'and','rules':[],'not':'true'}", "/not: true or false, but is the string")]
    [InlineData("{'combinator':'and','rules':[{'combinator':'and','rules':'x'}]}", "/rules/0/rules: must be a list, but is the string 'x'")]
    [InlineData("{'combinator':'and','rules':[{'combinator':'and','rules':null}]}", "/rules/0: A node is")]
    [InlineData("{'combinator':'and','rules':[],'extra':null}", "/extra: is not a property of a group")]
    [InlineData("{'combinator':'and','rules':[],'muted':1}", "/muted: true or false, but is the number 1")]
    [InlineData("{'combinator':'and','rules':[],'mutted':true}", "/mutted: Did you mean 'muted'?")]
    [InlineData("{'combinator':'and','rules':[],'Not':true}", "/Not: Did you mean 'not'?")]
    [InlineData("{'combinator':'and','rules':[],'a/b~c':1}", "/a~1b~0c: is not a property of a group")]
    [InlineData("{'combinator':'and','rules':[],'field':'name'}", "/field: is not a property of a group")]
    [InlineData(
        "{'combinator':'and','rules':[null,1,'and',[],{},{'operator':'='}]}",
        "/rules/0: A node is",
        "/rules/1: A node is",
        "/rules/2: A node is",
        "/rules/3: A node is",
        "/rules/4: A node is",
        "/rules/5: A node is")]
    [InlineData("{'combinator':'and','rules':[{'combinator':'and','rules':[null]}]}", "/rules/0/rules/0: A node is")]
    [InlineData("{'combinator':'and','muted':true,'rules':[" + Ok + "]}", ": root is muted")]
    [InlineData("{'combinator':'and','muted':true,'rules':[]}", ": root is muted")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'null','muted':true}]}", ": Everything in this group is muted")]
    [InlineData(
        "{'combinator':'and','rules':[" + Ok + ",{'combinator':'or','not':true,'rules':["
            + "{'field':'name','operator':'null','muted':true},{'combinator':'and','rules':[],'muted':true}]}]}",
        "/rules/1: is muted")]
    [InlineData(
        "{'combinator':'and','rules':[{'field':'nope','operator':'=','muted':true}]}",
        ": Everything in this group is muted",
        "/rules/0/field: is not a field")]
    public void Compile_FaultyTree_ReportsPointers(string tree, params string[] expected) =>
        RuleTester.AssertErrors(RuleTester.Compile(tree), expected);

    [Theory]
    // Structure
    [InlineData("{'field':'name','operator':'=','value':'a','extra':1}", "/extra: is not a property of a rule")]
    [InlineData("{'field':'name','operator':'=','vlaue':'a'}", "/vlaue: Did you mean 'value'?", "/value: name = needs a value: a string")]
    [InlineData("{'field':'name','operator':'=','value':'a','combinator':'and'}", "/combinator: is not a property of a rule")]
    [InlineData("{'field':'name','operator':'=','value':'a','not':true}", "/not: is not a property of a rule")]
    [InlineData("{'field':'name','operator':'=','value':'a','muted':'no'}", "/muted: true or false")]
    [InlineData("{'field':null,'operator':'='}", ": A node is")]
    [InlineData("{'field':7,'operator':'='}", "/field: is the number 7")]
    [InlineData("{'field':'nam','operator':'=','value':'a'}", "/field: 'nam' is not a field. Did you mean 'name'?")]
    [InlineData("{'field':'Name','operator':'=','value':'a'}", "/field: Did you mean 'name'?")]
    [InlineData("{'field':'','operator':'=','value':'a'}", "/field: is not a field")]
    [InlineData("{'field':'type','operator':'=','value':'a'}", "/field: 'type' belongs inside behavioral.events")]
    [InlineData("{'field':'properties.x','operator':'=','value':'a'}", "/field: 'properties.x' belongs inside behavioral.events")]
    [InlineData(
        "{'field':'name','operator':'=','value':'channel','valueSource':'field'}",
        "/value: 'channel' belongs inside behavioral.events")]
    [InlineData("{'field':'country','operator':'contains','value':'d'}",
        "/operator: country (a closed list) does not support the operator 'contains'. It supports =, !=, in, notIn, null, notNull")]
    [InlineData("{'field':'country','operator':'beginsWith','value':'de'}", "/operator: does not support the operator 'beginsWith'")]
    [InlineData(
        "{'field':'nope','operator':'=','value':'a','valueSource':1,'muted':0}",
        "/field: is not a field",
        "/valueSource: is the number 1",
        "/muted: is the number 0")]
    [InlineData("{'field':'name'}", "/operator: name needs an operator: =, !=")]
    [InlineData("{'field':'name','operator':null}", "/operator: needs an operator")]
    [InlineData("{'field':'name','operator':'begins','value':'a'}", "/operator: name (text) does not support the operator 'begins'")]
    [InlineData("{'field':'name','operator':'beginWith','value':'a'}", "/operator: Did you mean 'beginsWith'?")]
    [InlineData("{'field':'name','operator':'NotIn','value':'a'}", "/operator: Did you mean 'notIn'?")]
    [InlineData(
        "{'field':'name','operator':'<','value':'a'}",
        "/operator: does not support the operator '<'. It supports =, !=, in, notIn, contains")]
    [InlineData("{'field':'name','operator':'between','value':['a','b']}", "/operator: does not support the operator 'between'")]
    [InlineData(
        "{'field':'income','operator':'contains','value':1}",
        "/operator: income (decimal) does not support the operator 'contains'")]
    [InlineData("{'field':'vip','operator':'in','value':[true]}", "/operator: vip (boolean) does not support the operator 'in'")]
    [InlineData("{'field':'birthday','operator':'<','value':'2024-01-01'}", "/operator: does not support the operator '<'")]
    [InlineData("{'field':'birthday','operator':'in','value':'2024-01-01'}", "/operator: does not support the operator 'in'")]
    [InlineData("{'field':'tags','operator':'=','value':'a'}", "/operator: does not support the operator '='")]
    [InlineData("{'field':'tags','operator':'beginsWith','value':'a'}", "/operator: does not support the operator")]
    [InlineData("{'field':'place','operator':'null'}", "/operator: It supports within, notWithin")]
    [InlineData("{'field':'segment','operator':'=','value':'a'}", "/operator: It supports in, notIn")]
    [InlineData(
        "{'field':'behavioral.events','operator':'>','value':{'combinator':'and','rules':[]},'match':{'mode':'some'}}",
        "/operator: It supports =, !=")]
    [InlineData(
        "{'field':'name','operator':'=','value':'a','match':{'mode':'some'}}",
        "/match: is only for behavioral.events, not for name")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=',"
            + "'value':{'steps':[{'combinator':'and','rules':[]},{'combinator':'and','rules':[]}]},'match':{'mode':'some'}}",
        "/match: is only for behavioral.events")]
    // Values
    [InlineData("{'field':'name','operator':'='}", "/value: name = needs a value: a string")]
    [InlineData("{'field':'name','operator':'=','value':null}", "/value: needs a value")]
    [InlineData("{'field':'name','operator':'=','value':''}", "/value: name needs a value: a string that is not empty")]
    [InlineData("{'field':'name','operator':'=','value':'  '}", "/value: not empty")]
    [InlineData("{'field':'name','operator':'=','value':5}", "/value: name must be a string, but is the number 5")]
    [InlineData("{'field':'name','operator':'=','value':true}", "/value: name must be a string, but is true")]
    [InlineData("{'field':'name','operator':'=','value':['a']}", "/value: name must be a string, but is a list")]
    [InlineData("{'field':'name','operator':'=','value':{}}", "/value: is an object")]
    [InlineData("{'field':'country','operator':'=','value':'deu'}", "/value: country must be two letters")]
    [InlineData("{'field':'country','operator':'in','value':['de','a','f']}", "/value/1: two letters", "/value/2: two letters")]
    [InlineData("{'field':'children','operator':'=','value':'abc'}", "/value: children must be an integer, but is the string 'abc'")]
    [InlineData("{'field':'children','operator':'=','value':1.5}", "/value: children must be an integer, but is the number 1.5")]
    [InlineData("{'field':'children','operator':'=','value':'1.5'}", "/value: must be an integer")]
    [InlineData("{'field':'children','operator':'=','value':2147483648}", "/value: from -2147483648 to 2147483647")]
    [InlineData("{'field':'children','operator':'=','value':true}", "/value: is true")]
    [InlineData("{'field':'points','operator':'=','value':2.5}", "/value: points must be an integer")]
    [InlineData("{'field':'age','operator':'>','value':[1]}", "/value: age must be an integer, but is a list")]
    [InlineData("{'field':'income','operator':'=','value':'12,5'}", "/value: income must be a number, but is the string '12,5'")]
    [InlineData("{'field':'income','operator':'=','value':''}", "/value: income needs a value: a number")]
    [InlineData("{'field':'income','operator':'=','value':1e18}", "/value: income must be a number. A number has at most 18 digits before")]
    [InlineData("{'field':'income','operator':'=','value':1e400}", "/value: at most 18 digits")]
    [InlineData("{'field':'income','operator':'=','value':'1e400'}", "/value: at most 18 digits")]
    [InlineData("{'field':'vip','operator':'=','value':''}", "/value: vip needs a value: true or false")]
    [InlineData("{'field':'seenAt','operator':'=','value':' '}", "/value: seenAt needs a value: a date")]
    [InlineData("{'field':'name','operator':'contains','value':''}", "/value: name needs a value")]
    [InlineData("{'field':'vip','operator':'=','value':'yes'}", "/value: vip must be true or false, but is the string 'yes'")]
    [InlineData("{'field':'vip','operator':'=','value':1}", "/value: is the number 1")]
    // Lists
    [InlineData("{'field':'name','operator':'in','value':[]}", "/value: name must be a string; a list must not be empty")]
    [InlineData("{'field':'name','operator':'in','value':''}", "/value: needs a value")]
    [InlineData("{'field':'name','operator':'in','value':'a,,b'}", "/value: blank item")]
    [InlineData("{'field':'name','operator':'in','value':'a,'}", "/value: blank item")]
    [InlineData("{'field':'name','operator':'in','value':['a','',' ','b']}", "/value/1: blank item", "/value/2: blank item")]
    [InlineData(
        "{'field':'name','operator':'in','value':['a',5,null]}",
        "/value/1: name must be a string, but is the number 5",
        "/value/2: is null")]
    [InlineData("{'field':'tags','operator':'contains','value':' '}", "/value: tags needs a value")]
    [InlineData("{'field':'name','operator':'in'}", "/value: needs a value")]
    [InlineData("{'field':'name','operator':'in','value':{}}", "/value: is an object")]
    [InlineData("{'field':'income','operator':'in','value':[1,'x']}", "/value/1: must be a number")]
    [InlineData("{'field':'income','operator':'in','value':'1,,2'}", "/value: income needs a value: a number")]
    [InlineData("{'field':'tags','operator':'contains','value':[]}", "/value: a list must not be empty")]
    [InlineData("{'field':'tags','operator':'contains','value':['']}", "/value/0: blank item")]
    [InlineData("{'field':'tags','operator':'in','value':[1]}", "/value/0: tags must be")]
    // Between
    [InlineData("{'field':'income','operator':'between','value':[2,1]}", "/value: income between needs the lower value first")]
    [InlineData("{'field':'income','operator':'notBetween','value':'2,1'}", "/value: lower value first")]
    [InlineData("{'field':'income','operator':'between','value':[1]}", "/value: needs two values, [low, high], but has 1")]
    [InlineData("{'field':'income','operator':'between','value':[1,2,3]}", "/value: has 3")]
    [InlineData("{'field':'income','operator':'between','value':'1'}", "/value: two values")]
    [InlineData("{'field':'income','operator':'between','value':1}", "/value: two values")]
    [InlineData(
        "{'field':'income','operator':'between','value':['a',null]}",
        "/value/0: must be a number, but is the string 'a'",
        "/value/1: is null")]
    [InlineData("{'field':'income','operator':'between','value':['','']}", "/value/0: needs a value", "/value/1: needs a value")]
    [InlineData("{'field':'income','operator':'between','value':[]}", "/value: needs two values")]
    [InlineData("{'field':'income','operator':'between','value':''}", "/value: needs two values")]
    [InlineData("{'field':'income','operator':'between','value':'1,x'}", "/value: is the string 'x'")]
    [InlineData("{'field':'born','operator':'between','value':['2024-01-02','2024-01-01']}", "/value: lower value first")]
    [InlineData(
        "{'field':'seenAt','operator':'between','value':['2024-01-01T12:00:00Z','2024-01-01T13:00:00+02:00']}",
        "/value: lower value first")]
    [InlineData("{'field':'seenAt','operator':'between','value':['2024-01-01T12:00','2024-01-01T11:00']}", "/value: lower value first")]
    [InlineData("{'field':'seenAt','operator':'between','value':['2025-01-01','2024-01-01T11:00:00Z']}", "/value: lower value first")]
    [InlineData("{'field':'seenAt','operator':'between','value':['2024-01-02T00:00','2024-01-01']}", "/value: lower value first")]
    [InlineData("{'field':'birthday','operator':'between','value':'2024-01-01'}", "/value: two values")]
    // Dates
    [InlineData(
        "{'field':'born','operator':'=','value':'yesterday'}",
        "/value: born must be a date ('2024-05-31') or a relative date, but is the string 'yesterday'")]
    [InlineData("{'field':'born','operator':'=','value':'2023-02-29'}", "/value: must be a date")]
    [InlineData("{'field':'born','operator':'=','value':20240101}", "/value: must be a date")]
    [InlineData("{'field':'seenAt','operator':'=','value':'2024-01-01 12:00'}", "/value: seenAt must be a date, an instant")]
    [InlineData("{'field':'seenAt','operator':'=','value':true}", "/value: is true")]
    [InlineData("{'field':'seenAt','operator':'in','value':['2024-01-01','x']}", "/value/1: is the string 'x'")]
    [InlineData("{'field':'birthday','operator':'=','value':'02-29'}", "/value: birthday must be a date")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{}}",
        "/value/mode: must be one of relative, but is missing",
        "/value/anchor: must be one of now, startOfDay",
        "/value/unit: must be one of minute, hour",
        "/value/offset: must be an integer, but is missing")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'absolute','anchor':'now','offset':1,'unit':'day'}}",
        "/value/mode: is the string 'absolute'")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'startOfWek','offset':1,'unit':'day'}}",
        "/value/anchor: Did you mean 'startOfWeek'?")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'now','offset':1,'unit':'days'}}",
        "/value/unit: Did you mean 'day'?")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'now','offset':1.5,'unit':'day'}}",
        "/value/offset: is the number 1.5")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'now','offset':'1','unit':'day'}}",
        "/value/offset: must be an integer")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'now','offset':9999999999,'unit':'day'}}",
        "/value/offset: must be an integer")]
    [InlineData(
        "{'field':'seenAt','operator':'>','value':{'mode':'relative','anchor':'now','ofset':1,'unit':'day'}}",
        "/value/ofset: Did you mean 'offset'?",
        "/value/offset: is missing")]
    [InlineData(
        "{'field':'seenAt','operator':'in','value':[{'mode':'relative','anchor':'now','offset':1,'unit':'x'}]}",
        "/value/0/unit: must be one of")]
    // Two fields
    [InlineData(
        "{'field':'name','operator':'=','value':'city','valueSource':'column'}",
        "/valueSource: 'value' or 'field', but is the string 'column'")]
    [InlineData(
        "{'field':'name','operator':'=','valueSource':'field'}",
        "/value: With valueSource 'field', value must be the name of a field")]
    [InlineData(
        "{'field':'name','operator':'=','value':['city'],'valueSource':'field'}",
        "/value: With valueSource 'field', value must be the name of a field")]
    [InlineData(
        "{'field':'name','operator':'=','value':'citty','valueSource':'field'}",
        "/value: 'citty' is not a field. Did you mean 'city'?")]
    [InlineData(
        "{'field':'name','operator':'=','value':'income','valueSource':'field'}",
        "/value: name (text) can't be compared with income (decimal)")]
    [InlineData("{'field':'born','operator':'=','value':'seenAt','valueSource':'field'}", "/value: can't be compared")]
    [InlineData("{'field':'tags','operator':'in','value':'tags','valueSource':'field'}", "/value: can't be compared")]
    [InlineData("{'field':'birthday','operator':'=','value':'birthday','valueSource':'field'}", "/value: can't be compared")]
    [InlineData("{'field':'place','operator':'within','value':'place','valueSource':'field'}", "/value: can't be compared")]
    [InlineData("{'field':'segment','operator':'in','value':'name','valueSource':'field'}", "/value: can't be compared")]
    [InlineData("{'field':'name','operator':'in','value':'city','valueSource':'field'}", "/operator: Two fields are compared by")]
    [InlineData("{'field':'name','operator':'contains','value':'city','valueSource':'field'}", "/operator: Two fields are compared by")]
    [InlineData("{'field':'vip','operator':'<','value':'vip','valueSource':'field'}", "/operator: does not support the operator '<'")]
    [InlineData("{'field':'income','operator':'between','value':'points','valueSource':'field'}", "/operator: Two fields are compared by")]
    // Points
    [InlineData("{'field':'place','operator':'within','value':'Berlin'}", "/value: place must be {'latitude','longitude','radiusKm'}")]
    [InlineData("{'field':'place','operator':'within'}", "/value: needs a value")]
    [InlineData(
        "{'field':'place','operator':'within','value':{}}",
        "/value/latitude: from -90 to 90, but is missing",
        "/value/longitude: from -180 to 180, but is missing",
        "/value/radiusKm: above 0 and at most 20040, but is missing")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':90.1,'longitude':-180.1,'radiusKm':0}}",
        "/value/latitude: is the number 90.1",
        "/value/longitude: is the number -180.1",
        "/value/radiusKm: is the number 0")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':1,'longitude':1,'radiusKm':20041}}",
        "/value/radiusKm: at most 20040")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':'NaN','longitude':1e999,'radiusKm':-1}}",
        "/value/latitude: is the string",
        "/value/longitude: is the number",
        "/value/radiusKm: is the number -1")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'latitude':1,'longitude':1,'radiusKm':1,'radius':1}}",
        "/value/radius: does not belong")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'polygon':[[0,0],[0,1],[1,1]],'radiusKm':1}}",
        "/value/radiusKm: does not belong")]
    [InlineData("{'field':'place','operator':'within','value':{'polygon':'x'}}", "/value/polygon: polygon must be a list")]
    [InlineData("{'field':'place','operator':'within','value':{'polygon':[[0,0],[1,1]]}}", "/value/polygon: 3 to 1000 points, but has 2")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'polygon':[[0,0],[0,91],[1,1],[181,0],[1],[1,2,3],'x',null]}}",
        "/value/polygon/1: within ±180 and ±90",
        "/value/polygon/3: A point must be",
        "/value/polygon/4: A point must be",
        "/value/polygon/5: A point must be",
        "/value/polygon/6: A point must be",
        "/value/polygon/7: A point must be")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'polygon':[[-170,0],[170,0],[170,10]]}}",
        "/value/polygon/1: more than 180 degrees",
        "/value/polygon/2: more than 180 degrees")]
    [InlineData(
        "{'field':'place','operator':'within','value':{'polygon':[[-100,0],[0,0],[100,10]]}}",
        "/value/polygon/2: more than 180 degrees")]
    // Segments, where none are known
    [InlineData(
        "{'field':'segment','operator':'in','value':['a','b']}", "/value/0: There is no segment 'a'", "/value/1: There is no segment 'b'")]
    [InlineData("{'field':'segment','operator':'in','value':'a'}", "/value: There is no segment 'a'")]
    [InlineData(
        "{'field':'segment','operator':'in','value':[1,'',null]}",
        "/value/0: A segment key must be a string",
        "/value/1: A segment key must be a string",
        "/value/2: A segment key must be a string")]
    [InlineData("{'field':'segment','operator':'in','value':[]}", "/value: segment must be a list of segment keys")]
    [InlineData("{'field':'segment','operator':'in'}", "/value: segment must be a list of segment keys, but is missing")]
    [InlineData("{'field':'segment','operator':'in','value':{}}", "/value: is an object")]
    public void Compile_FaultyRule_ReportsPointers(string rule, params string[] expected) =>
        RuleTester.AssertErrors(RuleTester.Compile(Group(rule)), expected.Select(e => "/rules/0" + e));

    [Theory]
    [InlineData("{'field':'properties.x','operator':'='}", "/value: properties.x = needs a value")]
    [InlineData("{'field':'properties.x','operator':'=','value':null}", "/value: properties.x = needs a value")]
    [InlineData("{'field':'properties.x','operator':'=','value':{}}", "/value: is an object")]
    [InlineData("{'field':'properties.x','operator':'in','value':[]}", "/value: a list must not be empty")]
    [InlineData("{'field':'properties.x','operator':'in','value':[1,'a']}", "/value/1: only strings or only numbers")]
    [InlineData("{'field':'properties.x','operator':'in','value':[null]}", "/value/0: only strings or only numbers")]
    [InlineData("{'field':'properties.x','operator':'in','value':['a','']}", "/value/1: blank item")]
    [InlineData("{'field':'properties.x','operator':'in','value':[true,false]}", "/operator: does not support the operator 'in'")]
    [InlineData("{'field':'properties.x','operator':'<','value':'5'}", "/operator: properties.x (text) does not support the operator '<'")]
    [InlineData(
        "{'field':'properties.x','operator':'contains','value':5}",
        "/operator: properties.x (decimal) does not support the operator 'contains'")]
    [InlineData(
        "{'field':'properties.x','operator':'between','value':'1,5'}",
        "/operator: properties.x (text) does not support the operator 'between'")]
    [InlineData("{'field':'properties.x','operator':'like','value':'a'}", "/operator: does not support the operator 'like'")]
    [InlineData("{'field':'properties.x','operator':'like'}", "/operator: does not support the operator 'like'")]
    [InlineData("{'field':'properties.x','operator':'=','value':''}", "/value: not empty")]
    [InlineData("{'field':'properties.x','operator':'<','value':1e30}", "/value: at most 18 digits")]
    [InlineData("{'field':'properties.x','operator':'between','value':[1,12345678901234567890]}", "/value/1: at most 18 digits")]
    [InlineData("{'field':'properties.x','operator':'=','value':' '}", "/value: not empty")]
    [InlineData("{'field':'properties.','operator':'=','value':1}", "/field: is not a field")]
    [InlineData("{'field':'name','operator':'=','value':'a'}", "/field: 'name' is about the customer, not about one event")]
    [InlineData("{'field':'tipe','operator':'=','value':'a'}", "/field: Did you mean 'type'?")]
    [InlineData("{'field':'segment','operator':'in','value':['a']}", "/field: is about the customer")]
    [InlineData("{'field':'properties.x','operator':'=','value':'type','valueSource':'field'}", "/value: can't be compared")]
    public void Compile_FaultyEventRule_ReportsPointers(string rule, params string[] expected) =>
        RuleTester.AssertErrors(
            RuleTester.Compile(Group(Json.Events("{'mode':'some'}", rule))), expected.Select(e => "/rules/0/value/rules/0" + e));

    [Theory]
    [InlineData("null", ": match must be an object that states how many events")]
    [InlineData("'some'", ": states how many events")]
    [InlineData("{}", "/mode: must be one of atLeast, atMost")]
    [InlineData("{'mode':'atLest','threshold':1}", "/mode: Did you mean 'atLeast'?")]
    [InlineData("{'mode':1}", "/mode: is the number 1")]
    [InlineData("{'mode':'atLeast'}", "/threshold: atLeast needs a threshold")]
    [InlineData("{'mode':'atLeast','treshold':1}", "/treshold: Did you mean 'threshold'?", "/threshold: needs a threshold")]
    [InlineData("{'mode':'atLeast','threshold':null}", "/threshold: The mode atLeast needs a threshold")]
    [InlineData("{'mode':'atLeast','threshold':'x'}", "/threshold: must be an integer, but is the string 'x'")]
    [InlineData("{'mode':'atLeast','threshold':1.5}", "/threshold: must be an integer")]
    [InlineData("{'mode':'atLeast','threshold':-1}", "/threshold: from 0")]
    [InlineData("{'mode':'atLeast','threshold':2147483647}", "/threshold: from 0 to 2147483646")]
    [InlineData("{'mode':'atLeast','threshold':[1]}", "/threshold: atLeast needs one threshold, but it is a list")]
    [InlineData("{'mode':'between','threshold':1}", "/threshold: two thresholds")]
    [InlineData("{'mode':'between','threshold':[1]}", "/threshold: two thresholds")]
    [InlineData("{'mode':'between','threshold':[1,2,3]}", "/threshold: two thresholds")]
    [InlineData("{'mode':'between','threshold':[2,1]}", "/threshold: lower threshold first")]
    [InlineData("{'mode':'between','threshold':['a',-1]}", "/threshold/0: must be an integer", "/threshold/1: from 0")]
    [InlineData("{'mode':'between'}", "/threshold: needs a threshold")]
    [InlineData("{'mode':'some','aggregate':'sum','of':'amount'}", "/aggregate: needs a threshold, which the mode some")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'mean','of':'amount'}", "/aggregate: must be one of sum, avg, min, max")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'summ','of':'amount'}", "/aggregate: Did you mean 'sum'?")]
    [InlineData(
        "{'mode':'atLeast','aggregate':'mean','of':'amount','x':1}",
        "/aggregate: must be one of",
        "/threshold: needs a threshold",
        "/x: is not a property of match")]
    [InlineData("{'mode':'atLeast','threshold':1,'of':'amount'}", "/of: is only for the aggregates")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'distinctDays','of':'amount'}", "/of: is only for the aggregates")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'sum'}", "/of: of must be the name of a field of the event, which sum needs")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'sum','of':1}", "/of: is the number 1")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'sum','of':'amout'}", "/of: Did you mean 'amount'?")]
    [InlineData(
        "{'mode':'atLeast','threshold':1,'aggregate':'sum','of':'type'}",
        "/of: sum supports amount and properties.NAME, not 'type'")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'avg','of':'occurredAt'}", "/of: avg supports amount")]
    [InlineData(
        "{'mode':'atLeast','threshold':1,'aggregate':'max','of':'channel'}",
        "/of: max supports amount, occurredAt and properties.NAME, not 'channel'")]
    [InlineData(
        "{'mode':'atLeast','threshold':1,'aggregate':'distinct'}",
        "/of: of must be the name of a field of the event, which distinct needs")]
    [InlineData("{'mode':'atLeast','threshold':1,'aggregate':'min','of':'occurredAt'}", "/threshold: min of occurredAt must be a date")]
    [InlineData(
        "{'mode':'atLeast','threshold':'2024-01-01','aggregate':'min','of':'amount'}",
        "/threshold: min of amount must be a number")]
    [InlineData(
        "{'mode':'between','threshold':['2024-01-02','2024-01-01'],'aggregate':'min','of':'occurredAt'}",
        "/threshold: lower threshold first")]
    [InlineData(
        "{'mode':'atLeast','threshold':{'mode':'relative','anchor':'nov','offset':0,'unit':'day'},'aggregate':'min','of':'occurredAt'}",
        "/threshold/anchor: Did you mean 'now'?")]
    [InlineData("{'mode':'atLeast','threshold':1e30,'aggregate':'sum','of':'amount'}", "/threshold: at most 18 digits")]
    [InlineData("{'mode':'atLeast','threshold':1.5,'aggregate':'distinct','of':'type'}", "/threshold: must be an integer")]
    public void Compile_FaultyMatch_ReportsPointers(string match, params string[] expected) =>
        RuleTester.AssertErrors(RuleTester.Compile(Group(Json.Events(match))), expected.Select(e => "/rules/0/match" + e));

    [Theory]
    [InlineData(
        "{'field':'behavioral.events','operator':'='}",
        "/value: with a group",
        "/match: match must be an object that states how many events")]
    [InlineData("{'field':'behavioral.events','operator':'=','value':'x','match':{'mode':'some'}}", "/value: with a group")]
    [InlineData(
        "{'field':'behavioral.events','operator':'=','value':{'combinator':'and','rules':[],'muted':true},'match':{'mode':'some'}}",
        "/value: muted")]
    [InlineData(
        "{'field':'behavioral.events','operator':'<','value':{'combinator':'and','rules':[null]},'match':{'mode':'x'}}",
        "/operator: does not support the operator",
        "/value/rules/0: A node is",
        "/match/mode: must be one of")]
    [InlineData(
        "{'field':'behavioral.events','value':{'combinator':'and','rules':[null]},'match':{'mode':'x'}}",
        "/operator: needs an operator",
        "/value/rules/0: A node is",
        "/match/mode: must be one of")]
    [InlineData("{'field':'behavioral.sequence','operator':'='}", "/value: behavioral.sequence needs a value")]
    [InlineData("{'field':'behavioral.sequence','operator':'=','value':{}}", "/value/steps: behavioral.sequence must be")]
    [InlineData("{'field':'behavioral.sequence','operator':'=','value':{'steps':{}}}", "/value/steps: behavioral.sequence must be")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=','value':{'steps':[{'combinator':'and','rules':[]}]}}",
        "/value/steps: 2 to 5 steps, but has 1")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=',"
            + "'value':{'steps':[{'combinator':'and','rules':[null]}],'within':{'amount':0,'unit':'day'}}}",
        "/value/steps: has 1",
        "/value/steps/0/rules/0: A node is",
        "/value/within/amount: integer from 1")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=','value':{'steps':[null,null,null,null,null,null]}}",
        "/value/steps: has 6",
        "/value/steps/0: with a group",
        "/value/steps/1: with a group",
        "/value/steps/2: with a group",
        "/value/steps/3: with a group",
        "/value/steps/4: with a group",
        "/value/steps/5: with a group")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=','value':{'steps':[{'combinator':'x','rules':[]},7]}}",
        "/value/steps/0/combinator: is the string 'x'",
        "/value/steps/1: with a group")]
    [InlineData(
        "{'field':'behavioral.sequence','operator':'=',"
            + "'value':{'steps':[{'combinator':'and','rules':[],'muted':true},{'combinator':'and','rules':[]}]}}",
        "/value/steps/0: muted")]
    public void Compile_FaultySubquery_ReportsPointers(string rule, params string[] expected) =>
        RuleTester.AssertErrors(RuleTester.Compile(Group(rule)), expected.Select(e => "/rules/0" + e));

    [Theory]
    [InlineData("7", ": is the number 7")]
    [InlineData("{}", "/amount: integer from 1", "/unit: must be one of minute, hour")]
    [InlineData("{'amount':0,'unit':'day'}", "/amount: is the number 0")]
    [InlineData("{'amount':-1,'unit':'day'}", "/amount: integer from 1")]
    [InlineData("{'amount':1.5,'unit':'day'}", "/amount: integer")]
    [InlineData("{'amount':101,'unit':'year'}", "/amount: at most 100 years")]
    [InlineData("{'amount':36526,'unit':'day'}", "/amount: at most 100 years")]
    [InlineData("{'amount':7,'unit':'days'}", "/unit: Did you mean 'day'?")]
    [InlineData("{'amount':7,'unit':'day','x':1}", "/x: is not a property of within")]
    public void Compile_FaultyWithin_ReportsPointers(string within, params string[] expected) => RuleTester.AssertErrors(
        RuleTester.Compile(Group(Rule("behavioral.sequence", "=", $"{{'steps':[{Group()},{Group()}],'within':{within}}}"))),
        expected.Select(e => "/rules/0/value/within" + e));

    [Theory]
    [InlineData("'value':'ignored'")]
    [InlineData("'value':null")]
    [InlineData("'value':{'x':[1]}")]
    [InlineData("'value':[],'id':'r1','path':[0,1],'disabled':true,'valueSource':'value'")]
    public void Compile_NullOperator_IgnoresAnyValue(string value)
    {
        Assert.All(
            ["name", "income", "vip", "born", "seenAt", "birthday", "tags"],
            field => Assert.True(RuleTester.Compile(Group($"{{'field':'{field}','operator':'null',{value}}}")).IsValid));
        Assert.True(
            RuleTester.Compile(Group(Json.Events("{'mode':'some'}", $"{{'field':'properties.x','operator':'notNull',{value}}}"))).IsValid);
    }

    [Fact]
    public void Compile_BuildersOwnState_HasNoEffect()
    {
        var tree = "{'id':'g','path':[],'disabled':true,'combinator':'or','rules':["
            + "{'id':5,'path':[0],'disabled':true,'field':'name','operator':'=','value':'anna'}]}";
        Assert.True(RuleTester.Holds(tree, new Person { Name = "anna" }));
        Assert.False(RuleTester.Holds(tree, new Person { Name = "ben" }));
    }

    [Fact]
    public void Compile_ManyFaults_ReportsAllAtOnce() => RuleTester.AssertErrors(
        RuleTester.Compile(
            "{'combinator':'nor','x':1,'rules':[{'field':'nme','operator':'='},null,{'field':'income','operator':'between','value':[2,1]},"
                + "{'combinator':'and','not':1,'rules':[{'field':'age','operator':'~'},"
                + "{'field':'name','operator':'=','value':'a\\u0000b'}]}]}"),
        "/combinator: is the string 'nor'", "/x: is not a property", "/rules/0/field: Did you mean 'name'?", "/rules/1: A node is",
        "/rules/2/value: lower value first",
        "/rules/3/not: true or false",
        "/rules/3/rules/0/operator: does not support the operator",
        "/rules/3/rules/1/value: NUL");

    [Theory]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'=','value':'a\\u0000'}]}", "/rules/0/value: NUL")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'in','value':['a','\\u0000']}]}", "/rules/0/value/1: NUL")]
    [InlineData("{'combinator':'and','rules':[],'id':'\\u0000'}", "/id: NUL")]
    [InlineData("{'combinator':'and','rules':[],'path':{'x':['\\u0000']}}", "/path/x/0: NUL")]
    [InlineData("{'combinator':'and','rules':[],'path':{'a\\u0000':1}}", "/path: NUL")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'=','value':'\\ud800'}]}", "/rules/0/value: not valid Unicode")]
    [InlineData(
        "{'combinator':'and','rules':[{'field':'name','operator':'=','value':'\\udc00\\ud800'}]}",
        "/rules/0/value: not valid Unicode")]
    [InlineData("{'combinator':'and','rules':[{'field':'\\ud800','operator':'=','value':'a'}]}", "/rules/0/field: not valid Unicode")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','operator':'\\ud800','value':'a'}]}", "/rules/0/operator: not valid Unicode")]
    [InlineData("{'combinator':'\\ud800','rules':[]}", "/combinator: not valid Unicode")]
    [InlineData("{'combinator':'and','rules':[],'\\ud800':1}", ": not valid Unicode")]
    [InlineData("{'combinator':'and','rules':[],'id':{'\\udfff':1}}", "/id: not valid Unicode")]
    [InlineData("{'combinator':'and','combinator':'or','rules':[]}", "/combinator: Duplicate property")]
    [InlineData("{'combinator':'and','rules':[{'field':'name','field':'city','operator':'null'}]}", "/rules/0/field: Duplicate property")]
    [InlineData("{'combinator':'and','rules':[],'id':{'a':1,'a':2}}", "/id/a: Duplicate property")]
    [InlineData("{'combinator':'and','rules':[],'id':1e200000}", "/id: more digits than")]
    [InlineData("{'combinator':'and','rules':[],'id':{'x':[1e-20000]}}", "/id/x/0: more digits than")]
    [InlineData("{'combinator':'and','rules':[],'id':0e99999}", "/id: more digits than")]
    public void Compile_UnstorableJson_ReportsPointer(string tree, params string[] expected) =>
        RuleTester.AssertErrors(RuleTester.Compile(tree), expected);

    [Fact]
    public void Compile_SurrogatePairAndAnyScript_IsFine() =>
        Assert.True(RuleTester.Holds(
            Group(Rule("name", "=", "'\\ud83d\\ude00 Ω'")), new Person { Name = CaseNormalizer.Normalize("\ud83d\ude00 Ω") }));

    [Fact]
    public void Compile_NothingAtAll_IsAnError() =>
        RuleTester.AssertErrors(new RuleCompiler<Person>(PersonFields.Catalog, new RuleLimits()).Compile(default), ": starts with a group");

    [Fact]
    public void Root_OfFaultyRule_Throws()
    {
        var faulty = RuleTester.Compile("{}");
        Assert.Throws<InvalidOperationException>(() => faulty.Root);
        Assert.Throws<InvalidOperationException>(() => faulty.Predicate);
        Assert.Throws<InvalidOperationException>(faulty.ToFunc);
    }
}
