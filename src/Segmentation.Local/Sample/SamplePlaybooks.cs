using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Segmentation.Api.Data;
using Segmentation.Api.Endpoints.OpenApi;
using Segmentation.Api.Http;
using Segmentation.Api.Playbooks;

namespace Segmentation.Local;

/// <summary>The sample's placements and playbooks; those whose keys are taken are left out.</summary>
internal static class SamplePlaybooks
{
    public static async Task AddAsync(SegmentationDb db, DateTimeOffset now, CancellationToken cancellation)
    {
        foreach (var sent in PlaybookExamples.Placements.Select(Read<PlacementResource>))
        {
            if (!await db.Placements.AnyAsync(p => p.Key == sent.Key, cancellation))
            {
                var placement = new Placement { Key = sent.Key!, Name = sent.Key!, Version = 1, CreatedAt = now, UpdatedAt = now };
                sent.ApplyTo(placement);
                db.Placements.Add(placement);
            }
        }

        foreach (var sent in PlaybookExamples.Playbooks.Select(Read<PlaybookResource>))
        {
            if (!await db.Playbooks.AnyAsync(p => p.Key == sent.Key, cancellation))
            {
                var playbook = new Playbook { Key = sent.Key!, CreatedAt = now };
                playbook.Take(sent.Complete(sent.Key!, sent.TimeZone ?? TimeZones.Default), now);
                db.Playbooks.Add(playbook);
                await db.SaveChangesAsync(cancellation);
                db.PlaybookVersions.Add(PlaybookVersion.Create(playbook, "sample"));
            }
        }

        await db.SaveChangesAsync(cancellation);
    }

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, Json.Options)!;
}
