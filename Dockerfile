FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
# The packages first: they change less often than the code, and their layer is kept.
COPY Directory.Build.props Directory.Packages.props .editorconfig ./
COPY src/Segmentation.Models/Segmentation.Models.csproj src/Segmentation.Models/
COPY src/Segmentation.Rules/Segmentation.Rules.csproj src/Segmentation.Rules/
COPY src/Segmentation.Api/Segmentation.Api.csproj src/Segmentation.Api/Runtime.props src/Segmentation.Api/
RUN dotnet restore src/Segmentation.Api
COPY src src
RUN dotnet publish src/Segmentation.Api -c Release --no-restore -o /app /p:UseAppHost=false

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app .
# Every address of the container; who may reach it is decided where its port is published.
ENV ASPNETCORE_HTTP_PORTS=8080
EXPOSE 8080
USER $APP_UID
# The image has no curl; bash can open a connection by itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=5 \
  CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/live HTTP/1.0\\r\\nHost: localhost\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["dotnet", "Segmentation.Api.dll"]
