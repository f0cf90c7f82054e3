namespace Segmentation.Api.Segments;

public enum MembershipStatus { Building, Ready, Failed }
