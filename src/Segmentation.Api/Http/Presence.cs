namespace Segmentation.Api.Http;

/// <summary>A property that answers always have, although requests may leave it out: what the OpenAPI document calls required.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class AlwaysAnsweredAttribute : Attribute;

/// <summary>A property that requests must have. It is checked where the request is, whose errors say more than the serializer's.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class NeededAttribute : Attribute;
