using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Segments;

namespace Segmentation.Api.Memberships;

/// <summary>The tables of stored membership.</summary>
internal static class MembershipTables
{
    extension(SegmentationDb db)
    {
        public DbSet<MembershipPeriod> Memberships => db.Set<MembershipPeriod>();
        public DbSet<ErasedMember> ErasedMembers => db.Set<ErasedMember>();
        public DbSet<MembershipState> MembershipStates => db.Set<MembershipState>();
        public DbSet<MembershipLeader> MembershipLeaders => db.Set<MembershipLeader>();
    }
}
