namespace Segmentation.Api.Memberships;

public enum MembershipStatus { Building, Ready, Failed }
