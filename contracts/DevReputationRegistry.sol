// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Agents} from "./AgentRegistry.sol";

/// The Reputation Registry of ERC-8004 as agents and their clients see it, for the development chain
/// alone. Summaries take values of one number of decimals as they come: the registry of real chains
/// averages over several. No constructor and no immutables: its code stands in a genesis block.
contract DevReputationRegistry {
    struct Feedback {
        int128 value;
        uint8 valueDecimals;
        bool revoked;
        string tag1;
        string tag2;
    }

    uint8 private constant MOST_DECIMALS = 18;

    mapping(uint256 agentId => mapping(address client => Feedback[])) private _feedback;
    mapping(uint256 agentId => address[]) private _clients;
    mapping(uint256 agentId => mapping(address client => mapping(uint64 index => uint64))) private _responses;

    event NewFeedback(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        int128 value,
        uint8 valueDecimals,
        string indexed indexedTag1,
        string tag1,
        string tag2,
        string endpoint,
        string feedbackURI,
        bytes32 feedbackHash
    );
    event FeedbackRevoked(
        uint256 indexed agentId, address indexed clientAddress, uint64 indexed feedbackIndex
    );
    event ResponseAppended(
        uint256 indexed agentId,
        address indexed clientAddress,
        uint64 feedbackIndex,
        address indexed responder,
        string responseURI,
        bytes32 responseHash
    );

    function getIdentityRegistry() external pure returns (address) {
        return address(Agents.REGISTRY);
    }

    function giveFeedback(
        uint256 agentId,
        int128 value,
        uint8 valueDecimals,
        string memory tag1,
        string memory tag2,
        string memory endpoint,
        string memory feedbackURI,
        bytes32 feedbackHash
    ) external {
        uint64 index = _keep(agentId, Feedback(value, valueDecimals, false, tag1, tag2));
        emit NewFeedback(
            agentId, msg.sender, index, value, valueDecimals, tag1, tag1, tag2, endpoint, feedbackURI, feedbackHash
        );
    }

    function revokeFeedback(uint256 agentId, uint64 feedbackIndex) external {
        Feedback storage one = _at(agentId, msg.sender, feedbackIndex);
        require(!one.revoked, "Already revoked");
        one.revoked = true;
        emit FeedbackRevoked(agentId, msg.sender, feedbackIndex);
    }

    function appendResponse(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        string calldata responseURI,
        bytes32 responseHash
    ) external {
        require(bytes(responseURI).length > 0, "Empty URI");
        _at(agentId, clientAddress, feedbackIndex);
        _responses[agentId][clientAddress][feedbackIndex]++;
        emit ResponseAppended(agentId, clientAddress, feedbackIndex, msg.sender, responseURI, responseHash);
    }

    function getClients(uint256 agentId) external view returns (address[] memory) {
        return _clients[agentId];
    }

    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64) {
        return uint64(_feedback[agentId][clientAddress].length);
    }

    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128, uint8, string memory, string memory, bool)
    {
        Feedback storage one = _at(agentId, clientAddress, feedbackIndex);
        return (one.value, one.valueDecimals, one.tag1, one.tag2, one.revoked);
    }

    function getResponseCount(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        address[] calldata
    ) external view returns (uint64) {
        return _responses[agentId][clientAddress][feedbackIndex];
    }

    function getSummary(uint256 agentId, address[] calldata clients, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals)
    {
        int256 total;
        for (uint256 who; who < clients.length; who++) {
            Feedback[] storage given = _feedback[agentId][clients[who]];
            for (uint256 i; i < given.length; i++) {
                Feedback storage one = given[i];
                if (one.revoked || !_tagged(one.tag1, tag1) || !_tagged(one.tag2, tag2)) continue;
                total += one.value;
                count++;
                summaryValueDecimals = one.valueDecimals;
            }
        }
        if (count > 0) summaryValue = int128(total / int256(uint256(count)));
    }

    function _keep(uint256 agentId, Feedback memory feedback) private returns (uint64) {
        require(feedback.valueDecimals <= MOST_DECIMALS, "too many decimals");
        require(!Agents.controls(msg.sender, agentId), "Self-feedback not allowed");
        Feedback[] storage given = _feedback[agentId][msg.sender];
        if (given.length == 0) _clients[agentId].push(msg.sender);
        given.push(feedback);
        return uint64(given.length);
    }

    function _at(uint256 agentId, address client, uint64 index) private view returns (Feedback storage) {
        require(index > 0, "index must be > 0");
        require(index <= _feedback[agentId][client].length, "index out of bounds");
        return _feedback[agentId][client][index - 1];
    }

    function _tagged(string storage tag, string calldata wanted) private pure returns (bool) {
        return bytes(wanted).length == 0 || keccak256(bytes(tag)) == keccak256(bytes(wanted));
    }
}
